"""Run histories from their seeds, in processes of their own."""
