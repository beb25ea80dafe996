"""Which text in Attention is our own, from before this database: that was lost, or a card was duplicated.

Everything else that stands there when a card is first seen is people's.
"""

from __future__ import annotations

import re
from typing import Final

_QUOTED: Final = "“[^”]*”"
_SENTENCES: Final = (
    r"(?:Title|Topic) is empty\.",
    r"(?:Title|Topic) has [\d,]+ characters; ",
    r"Channel is empty; choose one of: ",
    rf"Unknown channel {_QUOTED}; choose one of: ",
    rf"{_QUOTED} is not a status Showrunner knows; ",
    rf"{_QUOTED} is not a priority Showrunner knows; ",
    rf"A card cannot be moved from {_QUOTED} to {_QUOTED} by hand",
    r"A card starts in “",
    rf"This card was moved back from {_QUOTED} to {_QUOTED}, because it was not complete",
    rf"The pipeline moved this card to {_QUOTED} meanwhile",
    rf"The pipeline set Priority to {_QUOTED} meanwhile",
    r"Status was emptied; ",
    rf"{_QUOTED} was changed (?:to {_QUOTED} )?by hand just when it was set to ",
)
"""How every sentence begins that a card is told, or was told by an earlier release (kept complete
by test)."""

_OURS: Final = re.compile("|".join(_SENTENCES))


def is_ours(text: str) -> bool:
    """Whether a text begins with what Showrunner writes into Attention, whatever people added to it."""
    return _OURS.match(text) is not None
