"""Makers for Showrunner's production."""

__version__ = "0.1.0"
