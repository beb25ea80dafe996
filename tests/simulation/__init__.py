"""Random histories of the whole system, the laws that they must keep, and mutants."""
