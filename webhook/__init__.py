"""What Notion tells us: the door."""
