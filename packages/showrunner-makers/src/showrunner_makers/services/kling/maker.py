"""kling: a clip of 5 or 10 seconds from a scene's composite."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import time
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit
from uuid import UUID

import httpx
from pydantic import Field, SecretStr

from models.production.making import (
    AccountRefused,
    Failure,
    Job,
    JobState,
    Made,
    MakerError,
    Request,
    Submitted,
)
from models.production.paid_orders import Answer
from models.production.steps import PieceKind, Step
from showrunner_makers.probe import probe
from showrunner_makers.services.http import (
    Reply,
    ask,
    ask_again_later,
    client,
    download,
    no_account,
    unanswered,
)
from showrunner_makers.services.kling.answers import (
    answer_to,
    is_no_job,
    reason_of,
    state_of,
    submitted,
)
from showrunner_makers.services.kling.web_token import signed
from showrunner_makers.services.options import Options, options_of
from showrunner_makers.services.prices import usd_for
from showrunner_makers.services.settings import KlingSettings
from showrunner_makers.speech import speech_seconds

VERSION: Final = "kling 1"
"""Part of every input hash: raise it when a clip would come out otherwise."""
JOBS: Final = "/v1/videos/image2video"
_ANSWER_SECONDS: Final = 60.0
_TOKEN_SECONDS: Final = 1800
_CLOCKS_DIFFER: Final = 5
"""Seconds by which a token is valid earlier, since clocks differ."""
_SHORT: Final = 5.0
_IMAGE_BYTES: Final = 10_000_000
"""What Kling takes as an image, before it is encoded."""
_PROMPT_MAX: Final = 2500
_PAGE: Final = 100
_PAGES: Final = 10
"""How many jobs are looked through for one that was sent."""
_GONE: Final = frozenset({403, 404, 410})


class KlingOptions(Options):
    """What a channel's file may say.

    Attributes:
        seconds: of a clip; `auto` for the shorter one that its narration's text fits into.
        motion: words for scenes that say nothing about their motion.
    """

    model: str = "kling-v2-5-turbo"
    mode: Literal["std", "pro"] = "pro"
    seconds: Literal["auto", 5, 10] = "auto"
    motion: Annotated[str, Field(max_length=1000)] = "Slow, natural camera motion."
    negative: Annotated[str, Field(max_length=2500)] = ""


class Kling:
    """Makes clips."""

    name = "kling"
    steps = frozenset({Step.VIDEOS})
    can_be_looked_up = True

    def __init__(self, settings: KlingSettings | None = None) -> None:
        self.settings = settings or KlingSettings.read()

    def missing(self, login: SecretStr | None) -> str | None:  # noqa: ARG002 - there is none
        """The keys that are not set."""
        return self.settings.unset("access_key", "secret_key")

    def check(self, options: Mapping[str, Any]) -> None:
        """Raise ValueError, naming the key, when options cannot be used."""
        _usd_a_second(options_of(KlingOptions, self.name, options))

    def inputs(self, request: Request) -> Mapping[str, Any]:
        """Everything that changes the clip; raises ValueError as `check`."""
        options = options_of(KlingOptions, self.name, request.options)
        _usd_a_second(options)
        still = request.of_kind(PieceKind.COMPOSITE, request.position)
        image = still.sha256 if still is not None else None
        return {"maker": VERSION, "image": image, **_wanted(request, options)}

    def price(self, request: Request) -> Decimal:
        """The seconds of the clip."""
        options = options_of(KlingOptions, self.name, request.options)
        return _usd_a_second(options) * _seconds(request, options)

    async def submit(self, request: Request, key: UUID) -> Submitted:
        """Send the composite as a job that has the key as its own name."""
        if lacking := self.missing(None):
            return no_account(lacking)
        still = await asyncio.to_thread(_still, request)
        if isinstance(still, Submitted):
            return still
        wanted = _wanted(request, options_of(KlingOptions, self.name, request.options))
        body = {**wanted, "image": still, "external_task_id": str(key)}
        async with client(answer_seconds=_ANSWER_SECONDS) as using:
            try:
                reply = await ask(using, "POST", self._url(), headers=self._headers(), json=body)
            except httpx.HTTPError as error:
                return unanswered(error)
        return submitted(reply, self.account)

    async def look_up(self, job: Job) -> str | None:
        """The job with that key among the latest."""
        self._check_account(job)
        async with client(answer_seconds=_ANSWER_SECONDS) as using:
            for page in range(1, _PAGES + 1):
                query = {"pageNum": page, "pageSize": _PAGE}
                found = self._data(await self._get(using, self._url(), params=query))
                jobs = found if isinstance(found, list) else []
                for one in jobs:
                    info = one.get("task_info") or {}
                    sent = info.get("external_task_id") or one.get("external_task_id")
                    if sent == str(job.key):
                        return str(one["task_id"])
                if len(jobs) < _PAGE:
                    return None
        return None

    async def poll(self, job: Job) -> JobState:
        """How far the job is."""
        self._check_account(job)
        async with client(answer_seconds=_ANSWER_SECONDS) as using:
            reply = await self._get(using, self._url(job.id))
        if is_no_job(reply):
            return JobState(lost=True)
        scene = next((one.position for one in job.sources), 0)
        return state_of(self._data(reply), scene)

    async def fetch(self, job: Job, folder: Path) -> Made:
        """Download the clip; its address is asked for anew, since it expires."""
        path = folder / "clip.mp4"
        status = await self._download(job, path)
        if status != httpx.codes.OK:
            # The address may have expired in between: a fresh one decides.
            status = await self._download(job, path)
        if status != httpx.codes.OK:
            raise MakerError(
                Failure.API_FAILURE,
                f"“{self.name}” made and charged a clip (job {job.id}) that cannot be downloaded "
                f"any more ({status or 'no address'}). Look at the account, then drag the card to "
                "Queued to order it once more.",
            )
        try:
            seconds = await asyncio.to_thread(lambda: probe(path).video_seconds)
        except ValueError as error:
            raise MakerError(Failure.RETRIABLE, f"The clip of job {job.id}: {error}.") from error
        return Made(path=path, media_type="video/mp4", seconds=seconds)

    async def _download(self, job: Job, path: Path) -> int:
        """Ask for the clip's address and download it; the status, 0 without an address."""
        async with client(answer_seconds=_ANSWER_SECONDS) as using:
            found = self._data(await self._get(using, self._url(job.id)))
            videos = (found.get("task_result") or {}).get("videos") or [{}]
            address = str(videos[0].get("url") or "")
            if not address.startswith(("http://", "https://")):
                return 0
            return await download(using, address, path, gone=_GONE)

    @property
    def account(self) -> str:
        """Names address and account without showing the key."""
        key = self.settings.access_key
        digest = hashlib.sha256((key.get_secret_value() if key else "").encode()).hexdigest()
        return f"{urlsplit(self.settings.url).netloc} {digest[:8]}"

    def _check_account(self, job: Job) -> None:
        """Another account would answer that there is no such job."""
        if lacking := self.missing(None):
            raise AccountRefused(lacking)
        if job.account not in {None, self.account}:
            raise AccountRefused(
                f"A job was ordered at {job.account}, and the settings are those of {self.account} "
                "now. Set KLING_URL and KLING_ACCESS_KEY back until it is collected."
            )

    def _url(self, job: str | None = None) -> str:
        base = f"{self.settings.url.removesuffix('/v1')}{JOBS}"
        return base if job is None else f"{base}/{job}"

    def _headers(self) -> dict[str, str]:
        access, secret = self.settings.access_key, self.settings.secret_key
        assert access is not None  # noqa: S101 - it is not missing
        assert secret is not None  # noqa: S101 - the same
        now = int(time.time())
        claims = {
            "iss": access.get_secret_value(),
            "exp": now + _TOKEN_SECONDS,
            "nbf": now - _CLOCKS_DIFFER,
        }
        return {"authorization": f"Bearer {signed(claims, secret.get_secret_value())}"}

    async def _get(self, using: httpx.AsyncClient, url: str, **request: Any) -> Reply:
        return await ask_again_later(using, "GET", url, headers=self._headers(), **request)

    def _data(self, reply: Reply) -> Any:
        """What an answer holds.

        Raises:
            AccountRefused: the account refuses.
            MakerError: it holds nothing now.
        """
        answer = answer_to(reply)
        if answer is Answer.REFUSED_ACCOUNT:
            raise AccountRefused(reason_of(reply))
        if answer is not Answer.ACCEPTED:
            raise MakerError(Failure.RETRIABLE, reason_of(reply))
        return reply.json().get("data") or {}


def _still(request: Request) -> str | Submitted:
    """The composite in base64; else why it is refused."""
    source = request.of_kind(PieceKind.COMPOSITE, request.position)
    if source is None or not source.path.is_file():
        return Submitted(
            answer=Answer.REFUSED_PIECE,
            reason="its composite is not there any more; drag the card to Queued to make it again.",
        )
    data = source.path.read_bytes()
    if len(data) > _IMAGE_BYTES:
        return Submitted(
            answer=Answer.REFUSED_PIECE,
            reason=f"its composite has {len(data):,} bytes, and Kling takes {_IMAGE_BYTES:,}.",
        )
    return base64.b64encode(data).decode()


def _seconds(request: Request, options: KlingOptions) -> int:
    """How long the clip is.

    By the narration's text and not by its sound, which is made later: a clip that was paid for must
    not become another one when the sound is there.
    """
    if options.seconds != "auto":
        return options.seconds
    return 5 if speech_seconds(request.scene.narration) <= _SHORT else 10


def _wanted(request: Request, options: KlingOptions) -> dict[str, Any]:
    wanted = {
        "model_name": options.model,
        "mode": options.mode,
        "duration": str(_seconds(request, options)),
        "prompt": (request.scene.motion or options.motion)[:_PROMPT_MAX],
    }
    return wanted | ({"negative_prompt": options.negative} if options.negative else {})


def _usd_a_second(options: KlingOptions) -> Decimal:
    return usd_for("kling", options.model, f"second {options.mode}")
