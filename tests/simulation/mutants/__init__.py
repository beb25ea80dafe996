"""Deliberate faults of the product, each of which histories must notice."""
