"""Queries of a data source: filters, sorts and cursors."""
