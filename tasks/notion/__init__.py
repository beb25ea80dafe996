"""Everything that sends requests to Notion: client, errors, retries, rate limit, priorities."""
