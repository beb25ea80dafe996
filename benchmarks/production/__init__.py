"""Benchmarks of production: claims, one video, the way to the board, many videos at once."""
