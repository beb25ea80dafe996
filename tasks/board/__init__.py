"""Find, follow, create and repair the board."""
