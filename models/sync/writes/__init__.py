"""Our writes to cards: what is due, what was written lately, and edits that a write replaced."""
