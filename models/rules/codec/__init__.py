"""Notion's page JSON and Python values: reading and writing."""
