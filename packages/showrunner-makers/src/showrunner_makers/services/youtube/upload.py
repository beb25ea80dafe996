"""Send a film to an upload session, a few parts at a time; it goes on from wherever it is."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Final

import httpx

from models.production.making import Failure, JobState, MakerError
from models.production.paid_orders import Answer
from showrunner_makers.services.http import Reply, ask_again_later, said
from showrunner_makers.services.youtube.answers import answer_to, problem_of

PART: Final = 8 * 1024 * 1024
"""Bytes of a part; a multiple of 256 KiB, as the protocol asks."""
PARTS: Final = 4
"""Parts that one poll sends: others wait for it."""
_LOST: Final = frozenset({404, 410})
_GO_ON: Final = 308
_DONE: Final = frozenset({200, 201})
_RANGE: Final = re.compile(r"bytes=0-(\d+)")


async def send_parts(
    using: httpx.AsyncClient, session: str, film: Path, headers: Mapping[str, str], watch: str
) -> JobState:
    """Ask what arrived and send the next parts.

    Args:
        session: the address of the session.
        headers: of each request.
        watch: what stands before a video's id in its address.

    Raises:
        MakerError: it goes on later.
    """
    size = await asyncio.to_thread(lambda: film.stat().st_size)
    reply = await _put(using, session, headers, b"", f"bytes */{size}")
    for _ in range(PARTS):
        if reply.status != _GO_ON:
            break
        start = _arrived(reply)
        part = await asyncio.to_thread(_read, film, start)
        end = start + len(part) - 1
        reply = await _put(using, session, headers, part, f"bytes {start}-{end}/{size}")
    return _state(reply, watch)


async def _put(
    using: httpx.AsyncClient, session: str, headers: Mapping[str, str], part: bytes, where: str
) -> Reply:
    told = {**headers, "content-range": where, "content-length": str(len(part))}
    return await ask_again_later(using, "PUT", session, headers=told, content=part)


def _arrived(reply: Reply) -> int:
    """How many bytes the session has."""
    found = _RANGE.fullmatch(reply.headers.get("range", ""))
    return int(found[1]) + 1 if found else 0


def _read(film: Path, start: int) -> bytes:
    with film.open("rb") as file:
        file.seek(start)
        return file.read(PART)


def _state(reply: Reply, watch: str) -> JobState:
    if reply.status in _LOST:
        return JobState(lost=True)
    if reply.status == _GO_ON:
        return JobState()
    if reply.status not in _DONE:
        problem = problem_of(reply)
        if answer_to(reply) is Answer.REFUSED_PIECE:
            words = f"{problem} Drag the card to Queued to upload it once more."
            return JobState(ended=True, failure=Failure.MANUAL_REVIEW, reason=words)
        raise problem
    video = reply.json()
    if not video.get("id"):
        raise MakerError(Failure.RETRIABLE, "YouTube named no video for the upload.")
    rejected = video.get("status", {}).get("rejectionReason")
    if rejected:
        return JobState(
            ended=True,
            charged=Decimal(0),
            failure=Failure.MANUAL_REVIEW,
            reason=f"YouTube rejected the video {watch}{video['id']}: {said(rejected)}.",
        )
    return JobState(ended=True, charged=Decimal(0), url=f"{watch}{video['id']}")
