"""PostgreSQL -> Notion: write to cards what they should show, and make cards for new tasks."""
