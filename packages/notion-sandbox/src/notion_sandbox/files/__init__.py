"""File uploads: their rules, their signed URLs, their expiry and their import from elsewhere."""
