"""How flow runs are executed: workers, deployments, run context, shutdown and cleanup."""
