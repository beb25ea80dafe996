"""Commands about production: decisions about tasks, tokens of the worker API."""
