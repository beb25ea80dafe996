"""The routes of ElevenLabs."""

import asyncio
import secrets
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from starlette.responses import JSONResponse, Response

from studio_sandbox.config import Account, Config
from studio_sandbox.errors import ServiceError
from studio_sandbox.making import sound
from studio_sandbox.services.elevenlabs.errors import elevenlabs_error, invalid, new_request_id
from studio_sandbox.services.elevenlabs.wanted import (
    AUTO_SECONDS,
    CREDIT_USD,
    CREDITS_OF_AUTO,
    CREDITS_PER_SECOND,
    LONGEST,
    PER_CHARACTER,
    SOUND_MODEL,
    VOICE,
    body_and_text,
    sound_quality,
    sound_seconds,
)
from studio_sandbox.store.files import Files
from studio_sandbox.store.journal import Entry, Journal
from studio_sandbox.store.ledger import Ledger, Price, Reason
from studio_sandbox.wire.route import Call, Route, fingerprint

_ITEM = "elevenlabs_item"
_PAGE, _LARGEST_PAGE = 100, 1000


@dataclass(frozen=True, kw_only=True)
class _Sale:
    """What is made and charged.

    Attributes:
        item: What `GET /v1/history` says of it; None for what does not stand there.
    """

    credits: float
    what: str
    mark: str
    item: dict[str, Any] | None = None


class ElevenLabs:
    """The service.

    Args:
        config: Its accounts.
        journal: Where the history is kept.
        ledger: Where requests are charged.
        files: Where sounds are made.
    """

    def __init__(self, config: Config, journal: Journal, ledger: Ledger, files: Files) -> None:
        self._config = config
        self._journal = journal
        self._ledger = ledger
        self._files = files
        self._going: Counter[str] = Counter()

    def routes(self) -> list[Route]:
        """Its routes."""
        speech = Route(
            service="elevenlabs",
            name="speech",
            methods=("POST",),
            path="/v1/text-to-speech/{voice_id}",
            handler=self.speech,
            error=elevenlabs_error,
        )
        get = replace(speech, methods=("GET",))
        audio = "/v1/history/{item_id}/audio"
        subscription = "/v1/user/subscription"
        return [
            speech,
            replace(speech, name="sound", path="/v1/sound-generation", handler=self.sound),
            replace(get, name="history", path="/v1/history", handler=self.history),
            replace(get, name="history_audio", path=audio, handler=self.history_audio),
            replace(get, name="subscription", path=subscription, handler=self.subscription),
        ]

    async def speech(self, call: Call) -> Response:
        """POST /v1/text-to-speech/{voice_id}: the text as an MP3."""
        account = self._account(call)
        voice = call.request.path_params["voice_id"]
        body, text = body_and_text(call)
        model = body.get("model_id", "eleven_multilingual_v2")
        if model not in PER_CHARACTER:
            raise invalid("model_id", f"model_id must be one of {', '.join(PER_CHARACTER)}")
        if not VOICE.fullmatch(voice):
            raise elevenlabs_error("voice_not_found")
        if len(text) > LONGEST[model]:
            raise elevenlabs_error("max_character_limit_exceeded")
        quality = sound_quality(call)
        sale = _Sale(
            credits=len(text) * PER_CHARACTER[model],
            what=f"{len(text)} characters: {text[:60]}",
            mark=fingerprint("elevenlabs", voice, body, quality),
            item={"voice_id": voice, "model_id": model, "text": text, "source": "TTS"},
        )
        async with self._place(account) as current:
            path = await sound.speech(self._files, text, voice, quality)
            return self._sold(call, account, sale, path, current)

    async def sound(self, call: Call) -> Response:
        """POST /v1/sound-generation: a sound effect as an MP3."""
        account = self._account(call)
        body, text = body_and_text(call)
        if body.get("model_id", SOUND_MODEL) != SOUND_MODEL:
            raise invalid("model_id", f"model_id must be {SOUND_MODEL}")
        if body.get("loop"):
            raise ServiceError(501, {"detail": "studio-sandbox does not emulate loop."})
        seconds = sound_seconds(body.get("duration_seconds"))
        quality = sound_quality(call)
        credits_ = CREDITS_OF_AUTO if seconds is None else seconds * CREDITS_PER_SECOND
        sale = _Sale(
            credits=credits_,
            what=f"sound of {seconds or 'any'} s: {text[:60]}",
            mark=fingerprint("elevenlabs", "sound", body, quality),
        )
        async with self._place(account) as current:
            path = await sound.effect(self._files, text, seconds or AUTO_SECONDS, quality)
            return self._sold(call, account, sale, path, current)

    async def history(self, call: Call) -> Response:
        """GET /v1/history: the speech of an account, newest first."""
        account = self._account(call)
        query = call.request.query_params
        size = query.get("page_size", str(_PAGE))
        if not size.isdecimal() or not 1 <= int(size) <= _LARGEST_PAGE:
            raise invalid("page_size", f"must be from 1 to {_LARGEST_PAGE}")
        kept = [body for _, body in self._journal.all(_ITEM) if body["account"] == account.name]
        items = [body["item"] for body in reversed(kept)]
        items = [item for item in items if query.get("search", "") in item["text"]]
        after = query.get("start_after_history_item_id")
        ids = [item["history_item_id"] for item in items]
        start = ids.index(after) + 1 if after in ids else 0
        page = items[start : start + int(size)]
        last = page[-1]["history_item_id"] if page else None
        has_more = len(items) > start + len(page)
        return JSONResponse({"history": page, "last_history_item_id": last, "has_more": has_more})

    async def history_audio(self, call: Call) -> Response:
        """GET /v1/history/{id}/audio: the MP3 again, which costs nothing."""
        account = self._account(call)
        kept = self._journal.get(_ITEM, call.request.path_params["item_id"])
        if kept is None or kept["account"] != account.name:
            raise elevenlabs_error("history_item_not_found")
        path = self._files.path(kept["file"])
        return Response(await asyncio.to_thread(path.read_bytes), media_type="audio/mpeg")

    async def subscription(self, call: Call) -> Response:
        """GET /v1/user/subscription: what was used and what is left."""
        account = self._account(call)
        rows = [row for row in self._ledger.all() if row.service == "elevenlabs"]
        used = sum(row.units for row in rows if row.account == account.name)
        left = self._ledger.balance(account)
        limit = 1_000_000 if left is None else used + left
        counts = {"character_count": int(used), "character_limit": int(limit)}
        return JSONResponse({"tier": "creator", **counts, "status": "active"})

    def _account(self, call: Call) -> Account:
        account = self._config.account("elevenlabs", call.request.headers.get("xi-api-key", ""))
        if account is None:
            raise elevenlabs_error("invalid_api_key")
        return account

    @asynccontextmanager
    async def _place(self, account: Account) -> AsyncIterator[int]:
        """A place among the requests of an account; how many there are then."""
        if self._going[account.id] >= account.at_once:
            raise elevenlabs_error("too_many_concurrent_requests")
        self._going[account.id] += 1
        try:
            yield self._going[account.id]
        finally:
            self._going[account.id] -= 1

    def _sold(
        self, call: Call, account: Account, sale: _Sale, path: Path, current: int
    ) -> Response:
        """Charge, and answer with the sound."""
        if not self._ledger.can_pay(account, sale.credits):
            left = self._ledger.balance(account) or 0
            words = (
                f"You have {left:g} credits remaining, while {sale.credits:g} credits are required."
            )
            raise elevenlabs_error("quota_exceeded", words)
        request_id = new_request_id()
        reason = Reason(
            key=call.key,
            fingerprint=sale.mark,
            what=sale.what,
            subject=request_id,
            file=path.name,
        )
        usd = sale.credits * CREDIT_USD
        price = Price(units=sale.credits, unit="credit", usd=usd)
        headers = {
            "character-cost": f"{sale.credits:g}",
            "request-id": request_id,
            "current-concurrent-requests": str(current),
            "maximum-concurrent-requests": str(account.at_once),
        }
        others: list[Entry] = []
        if sale.item is not None:
            entry = self._item(call, account, sale, path, request_id)
            others.append(entry)
            headers["history-item-id"] = entry[1]
        self._ledger.charge(account, price, reason, call.now, *others)
        return Response(path.read_bytes(), media_type="audio/mpeg", headers=headers)

    def _item(
        self, call: Call, account: Account, sale: _Sale, path: Path, request_id: str
    ) -> Entry:
        """A record of the history."""
        rows = [row for row in self._ledger.all() if row.service == "elevenlabs"]
        used = sum(row.units for row in rows if row.account == account.name)
        item_id = secrets.token_urlsafe(15)
        item = {
            "history_item_id": item_id,
            "request_id": request_id,
            **(sale.item or {}),
            "date_unix": int(call.now.timestamp()),
            "character_count_change_from": int(used),
            "character_count_change_to": int(used + sale.credits),
            "content_type": "audio/mpeg",
            "state": "created",
        }
        return _ITEM, item_id, {"account": account.name, "file": path.name, "item": item}
