"""Rules of production: steps, story, queue, leases, submissions, money. No table, no session."""
