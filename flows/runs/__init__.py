"""Prefect runs: what a flow reads and shows of its own run, and how runs are requested."""
