"""The world that histories happen in: board, database, processes and network, with a virtual clock."""
