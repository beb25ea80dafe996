"""Makers by their names, found by entry point and made once per process."""

from __future__ import annotations

import asyncio
from functools import cache
from importlib.metadata import entry_points
from typing import Any, Final
from weakref import WeakKeyDictionary

from models.production.config import MAKERS
from models.production.making import Failure, LocalMaker, MakerError, RemoteMaker

Maker = LocalMaker | RemoteMaker


def maker_named(name: str) -> Maker:
    """The maker of that name.

    Raises:
        MakerError: when it is not installed here, or cannot be loaded.
    """
    try:
        return _load(name)
    except LookupError:
        raise MakerError(
            Failure.MANUAL_REVIEW,
            f"The maker “{name}” is not installed where videos are made. Install it there, then "
            "drag the card to Queued.",
        ) from None
    except Exception as error:
        raise MakerError(
            Failure.MANUAL_REVIEW,
            f"The maker “{name}” cannot be loaded ({type(error).__name__}: {error}). Mend its "
            "installation, then drag the card to Queued.",
        ) from error


@cache
def _load(name: str) -> Maker:
    found: Any = next(iter(entry_points(group=MAKERS, name=name)), None)
    if found is None:
        raise LookupError(name)
    made: Maker = found.load()()
    return made


_slots: Final[WeakKeyDictionary[Any, dict[tuple[str, int], asyncio.Semaphore]]] = (
    WeakKeyDictionary()
)


def place_at(maker: str, at_once: int) -> asyncio.Semaphore:
    """What limits how many pieces a maker works on at a time in this process."""
    slots = _slots.setdefault(asyncio.get_running_loop(), {})
    return slots.setdefault((maker, at_once), asyncio.Semaphore(at_once))
