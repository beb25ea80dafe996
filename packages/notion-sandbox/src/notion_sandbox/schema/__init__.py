"""Data sources' properties: kinds, options, changes of a schema, and how values are read."""
