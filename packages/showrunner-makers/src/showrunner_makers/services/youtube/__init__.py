"""YouTube: published films."""
