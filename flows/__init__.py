"""Prefect flows: one file is one flow is one deployment of `prefect.yaml`."""
