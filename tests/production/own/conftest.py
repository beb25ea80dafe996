"""Own production on a real database, with makers of the tests."""

from __future__ import annotations

from kit.own_production import own  # noqa: F401 - a fixture
