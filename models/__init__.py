"""What is true: tables, statuses, rules. No network, no Prefect, no clock of its own."""
