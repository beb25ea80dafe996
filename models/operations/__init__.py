"""Health, alerts, retention and diagnosis, as rules over facts that others gather."""
