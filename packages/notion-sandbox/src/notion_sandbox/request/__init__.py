"""What every request shares: its call, lists, limits, faults, answers and the log."""
