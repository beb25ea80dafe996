"""The only way to Notion: client, errors, rate limit and the priority of requests."""
