"""Pure rules: what a card means, which moves are valid, how both sides merge. No tables."""
