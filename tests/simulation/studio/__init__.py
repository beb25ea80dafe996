"""Histories of paid production: the services' real makers against an emulator with a ledger."""
