"""Showrunner's own production: steps are claimed, made, and collected from services."""
