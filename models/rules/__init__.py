"""Pure rules: what a card means, which moves are valid, how two sides merge. No tables, no sessions."""
