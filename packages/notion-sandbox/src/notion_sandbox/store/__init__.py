"""What the sandbox remembers: objects, their records in SQLite, and their past."""
