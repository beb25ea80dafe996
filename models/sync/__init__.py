"""What keeps cards and tasks equal: reconcile what was read, remember what was written."""
