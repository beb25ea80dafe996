"""The board page that a browser opens."""
