"""Rules, tables, queries and settings. No HTTP, no Prefect, no clock of its own."""
