"""Figures beside the limits they are held against.

`make bench` runs all and writes one table; see `benchmarks.run`.
"""
