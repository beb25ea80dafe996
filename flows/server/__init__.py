"""Prefect's server: how it is started, set up, guarded and checked."""
