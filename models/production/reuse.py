"""Which pieces can be used again: those that would come out the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def input_hash(inputs: Mapping[str, Any]) -> str:
    """What stands for everything that a piece is made from.

    Two pieces with the same hash come out the same, as far as the maker can promise that.

    Args:
        inputs: prompt, model, seed, size, the hashes of the pieces that it is made from, and
            whatever else changes the result. JSON values.
    """
    text = json.dumps(inputs, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
