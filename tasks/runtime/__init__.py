"""Shared by all tasks: context, clocks, locks, leases, debounce, report and Prefect tasks."""
