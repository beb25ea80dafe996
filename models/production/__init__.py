"""Rules of production: steps, story, queue order, leases, submissions, money. No table, no session."""
