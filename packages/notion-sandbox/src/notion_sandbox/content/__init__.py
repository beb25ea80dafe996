"""Writing and showing what pages hold: property values, blocks, icons, two-way relations."""
