"""PostgreSQL itself: engines, the embedded server, migrations, dumps, notifications."""
