"""Tables of production: who works on a task, what was made, what it cost, who decided what."""
