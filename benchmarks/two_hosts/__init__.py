"""Two hosts, two workers, two webhook receivers behind one address."""
