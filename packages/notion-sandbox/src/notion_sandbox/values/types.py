"""Types of what requests and answers carry."""

from typing import Any

Json = dict[str, Any]
"""A JSON object."""
