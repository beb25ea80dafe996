"""Requests and answers over HTTP, and faults on demand."""
