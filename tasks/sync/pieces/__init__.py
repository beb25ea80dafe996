"""PostgreSQL -> Notion: a page per piece, and the files of a card, in the lowest priority."""
