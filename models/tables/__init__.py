"""Tables and the queries over one of them. Nothing here commits."""
