"""Pieces on the board: the databases that hold their pages, and what a page shows."""
