"""Makers that services work for, for money or in public."""
