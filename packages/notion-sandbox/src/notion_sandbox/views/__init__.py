"""Saved views: their filters, sorts and layout."""
