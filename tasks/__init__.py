"""What Showrunner can do: Prefect tasks, one outside system per file."""
