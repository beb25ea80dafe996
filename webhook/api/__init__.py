"""The worker API: the contract for workers and reviewers over HTTP, on a port of its own."""
