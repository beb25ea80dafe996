"""The board's own schema: what it should be, what was seen of it, and how the two differ."""
