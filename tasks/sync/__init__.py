"""Ingest what users changed, and push what the database holds."""
