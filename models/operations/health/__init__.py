"""Health: checks and their results, from facts that others gather."""
