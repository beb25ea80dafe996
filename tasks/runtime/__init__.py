"""What every task runs with: its context, clocks, locks, leases and Prefect tasks."""
