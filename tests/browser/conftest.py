"""A browser for the story of a card."""

from __future__ import annotations

from browser_stage import chromium

__all__ = ["chromium"]
