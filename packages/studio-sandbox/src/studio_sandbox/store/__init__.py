"""What a sandbox keeps: records in a journal, charges, and files."""
