"""Ingest what people changed, and push what the database holds."""
