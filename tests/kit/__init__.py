"""Means that tests of several folders share."""
