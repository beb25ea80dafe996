"""The system under test: board, database, processes and network on a virtual clock."""
