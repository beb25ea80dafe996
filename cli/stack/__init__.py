"""The programs that `showrunner up` runs, and the stack that is running."""
