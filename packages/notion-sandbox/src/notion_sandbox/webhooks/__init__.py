"""Webhook events, the subscription and the deliveries."""
