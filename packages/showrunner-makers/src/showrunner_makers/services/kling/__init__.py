"""Kling: clips from composites."""
