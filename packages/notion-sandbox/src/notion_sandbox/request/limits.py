"""The request limit of a connection: a number of requests in any 60 seconds.

Source: Notion's "Request limits".
"""

import math
from collections import defaultdict, deque
from datetime import datetime, timedelta

WINDOW = timedelta(seconds=60)


class RequestLimit:
    """Counts the requests of each bot in a rolling window. A refused request does not count.

    Args:
        per_minute: How many pass in any 60 seconds.
    """

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._seen: dict[str, deque[datetime]] = defaultdict(deque)

    def admit(self, user_id: str, now: datetime) -> int | None:
        """Count a request; or else return the seconds (1 to 60) until one may pass."""
        seen = self._seen[user_id]
        while seen and now - seen[0] >= WINDOW:
            seen.popleft()
        if len(seen) < self._per_minute:
            seen.append(now)
            return None
        return max(1, math.ceil((seen[0] + WINDOW - now).total_seconds()))
