"""The board's own schema: its spec, a snapshot of it, and how the two differ."""
