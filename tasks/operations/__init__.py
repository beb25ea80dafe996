"""Gather the facts that health, the watchdog and the diagnosis of a card are judged by."""
