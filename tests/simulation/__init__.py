"""Random histories of a whole system, the laws they are held to, and mutants that must break one."""
