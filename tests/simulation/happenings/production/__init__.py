"""What can happen to videos that are produced."""
