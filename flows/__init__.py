"""When Showrunner does it: one file is one flow is one deployment."""
