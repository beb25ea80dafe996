"""What can happen in a history, one function each."""
