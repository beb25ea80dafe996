"""The webhook receiver: an HTTP server that stores Notion's events in the inbox."""
