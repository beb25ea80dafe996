"""youtube: publishes an approved film, once.

A session is opened for the film, and its address is the job's id, so that it is stored before the
first byte is sent. Each poll asks how much arrived and sends the next parts. A video is marked with
tags, by which it is found again when a session, or an answer, was lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

import httpx
from pydantic import SecretStr

from models.production.making import (
    AccountRefused,
    Failure,
    Job,
    JobState,
    Login,
    Made,
    MakerError,
    Request,
    Source,
    Submitted,
)
from models.production.paid_orders import Answer
from models.production.steps import Step
from showrunner_makers.services.http import ask, ask_again_later, client, no_account, unanswered
from showrunner_makers.services.options import options_of
from showrunner_makers.services.settings import YouTubeSettings
from showrunner_makers.services.youtube.answers import opened, problem_of
from showrunner_makers.services.youtube.login import CONNECT, GoogleLogin
from showrunner_makers.services.youtube.upload import send_parts
from showrunner_makers.services.youtube.video import (
    YouTubeOptions,
    film_of,
    marks_of,
    resource,
)

VERSION: Final = "youtube 1"
"""Part of every input hash: raise it when a video would be published otherwise."""
WATCH: Final = "https://www.youtube.com/watch?v="
_ANSWER_SECONDS: Final = 120.0
_LATEST: Final = 50
"""Uploads that are looked through for one of ours; YouTube lists so many at a time."""
_NO_FILM: Final = "The film is not there any more; drag the card to Queued to make it again."


class YouTube:
    """Publishes films."""

    name = "youtube"
    steps = frozenset({Step.UPLOAD})
    can_be_looked_up = True

    def __init__(self, settings: YouTubeSettings | None = None) -> None:
        self.settings = settings or YouTubeSettings.read()
        self._google = GoogleLogin(self.settings)

    def missing(self, login: SecretStr | None) -> str | None:
        """The settings that are not set, or the channel that is not connected."""
        if lacking := self.settings.unset("client_id", "client_secret"):
            return lacking
        return None if login is not None else f"The channel is not connected: {CONNECT}."

    def check(self, options: Mapping[str, Any]) -> None:
        """Raise ValueError, naming the key, when options cannot be used."""
        options_of(YouTubeOptions, self.name, options).check_lengths()

    def inputs(self, request: Request) -> Mapping[str, Any]:
        """The film: a video is not published anew because its description changed."""
        self.check(request.options)
        film = film_of(request.sources)
        return {"maker": VERSION, "film": film.sha256 if film is not None else None}

    def price(self, request: Request) -> Decimal:  # noqa: ARG002 - it costs quota and no money
        """Nothing."""
        return Decimal(0)

    async def submit(self, request: Request, key: UUID) -> Submitted:
        """Open a session for the film, unless it is published already."""
        if lacking := self.missing(request.login):
            of_channel = self.settings.unset("client_id", "client_secret") is None
            return no_account(lacking, of_channel=of_channel)
        film = film_of(request.sources)
        if film is None or not film.path.is_file():
            return Submitted(answer=Answer.REFUSED_PIECE, reason=_NO_FILM)
        try:
            options = options_of(YouTubeOptions, self.name, request.options)
            about = resource(request, options, marks_of(key, film))
        except ValueError as error:
            return Submitted(answer=Answer.REFUSED_PIECE, reason=str(error))
        return await self._publish(film, about, request.login, options, marks_of(key, film))

    async def _publish(
        self,
        film: Source,
        about: Mapping[str, Any],
        login: SecretStr | None,
        options: YouTubeOptions,
        marks: frozenset[str],
    ) -> Submitted:
        """Look for the film among the channel's videos, then open a session for it."""
        try:
            headers = await self._headers(login)
            there = await self._find(headers, marks)
        except AccountRefused as error:
            return no_account(str(error), of_channel=error.of_channel)
        except MakerError as error:
            return Submitted(answer=Answer.NOT_NOW, reason=str(error))
        if there is not None:
            return Submitted(answer=Answer.ACCEPTED, job_id=there)
        return await self._open(film, about, headers, options)

    async def _open(
        self,
        film: Source,
        about: Mapping[str, Any],
        headers: Mapping[str, str],
        options: YouTubeOptions,
    ) -> Submitted:
        url = f"{self.settings.url}/upload/youtube/v3/videos"
        query = {
            "uploadType": "resumable",
            "part": "snippet,status",
            "notifySubscribers": str(options.notify_subscribers).lower(),
        }
        told = {
            **headers,
            "x-upload-content-type": "video/mp4",
            "x-upload-content-length": str(film.path.stat().st_size),
        }
        async with client(answer_seconds=_ANSWER_SECONDS) as using:
            try:
                reply = await ask(using, "POST", url, params=query, headers=told, json=about)
            except httpx.HTTPError as error:
                return unanswered(error)
        return opened(reply)

    async def look_up(self, job: Job) -> str | None:
        """The address of the video that bears the marks of the upload."""
        headers = await self._headers(job.login)
        return await self._find(headers, marks_of(job.key, film_of(job.sources)))

    async def poll(self, job: Job) -> JobState:
        """Send the next parts; the video's address when all have arrived."""
        address = str(job.id)
        if address.startswith(WATCH):
            return JobState(ended=True, charged=Decimal(0), url=address)
        film = film_of(job.sources)
        if film is None or not film.path.is_file():
            return JobState(ended=True, failure=Failure.MANUAL_REVIEW, reason=_NO_FILM)
        headers = await self._headers(job.login)
        # The address is the service's own word: the login goes to no other host.
        if urlsplit(address).netloc != urlsplit(self.settings.url).netloc:
            headers = {}
        try:
            async with client(answer_seconds=_ANSWER_SECONDS) as using:
                return await send_parts(using, address, film.path, headers, WATCH)
        except AccountRefused:
            # A token that ended early is replaced at the next poll.
            if job.login is not None:
                self._google.forget(job.login)
            raise

    async def fetch(self, job: Job, folder: Path) -> Made:
        """Raise MakerError: what is published has an address and no file."""
        raise MakerError(Failure.MANUAL_REVIEW, f"{job.id} is not fetched into {folder}.")

    def sign_in_address(self, *, redirect: str, state: str, challenge: str) -> str:
        """Where a person says yes."""
        return self._google.address(redirect=redirect, state=state, challenge=challenge)

    async def sign_in(self, *, code: str, redirect: str, verifier: str) -> Login:
        """Exchange the code that came back."""
        return await self._google.exchange(code=code, redirect=redirect, verifier=verifier)

    async def sign_out(self, login: SecretStr) -> None:
        """Tell Google that a login counts no longer."""
        await self._google.revoke(login)

    async def _headers(self, login: SecretStr | None) -> dict[str, str]:
        """The authorization of requests.

        Raises:
            AccountRefused: the channel is not connected, or was disconnected.
            MakerError: no token now.
        """
        if login is None:
            raise AccountRefused(str(self.missing(None)), of_channel=True)
        token = await self._google.access_token(login)
        return {"authorization": f"Bearer {token.get_secret_value()}"}

    async def _find(self, headers: Mapping[str, str], marks: frozenset[str]) -> str | None:
        """The address of a video with one of the marks among the channel's latest uploads.

        Raises:
            AccountRefused: YouTube refuses the channel.
            MakerError: YouTube does not answer now.
        """
        async with client(answer_seconds=_ANSWER_SECONDS) as using:
            mine = await self._list(using, headers, "channels", part="contentDetails", mine="true")
            if not mine:
                raise AccountRefused(f"The account has no channel; {CONNECT}.", of_channel=True)
            playlist = mine[0]["contentDetails"]["relatedPlaylists"]["uploads"]
            latest = await self._list(
                using,
                headers,
                "playlistItems",
                part="contentDetails",
                playlistId=playlist,
                maxResults=str(_LATEST),
            )
            ids = [one["contentDetails"]["videoId"] for one in latest]
            if not ids:
                return None
            videos = await self._list(
                using, headers, "videos", part="snippet", id=",".join(ids), maxResults=str(_LATEST)
            )
        for video in videos:
            if marks.intersection(video.get("snippet", {}).get("tags") or ()):
                return f"{WATCH}{video['id']}"
        return None

    async def _list(
        self, using: httpx.AsyncClient, headers: Mapping[str, str], what: str, **query: str
    ) -> list[dict[str, Any]]:
        url = f"{self.settings.url}/youtube/v3/{what}"
        reply = await ask_again_later(using, "GET", url, headers=headers, params=query)
        if reply.status == httpx.codes.NOT_FOUND and what == "playlistItems":
            return []  # a channel without uploads has no such list
        if reply.status != httpx.codes.OK:
            raise problem_of(reply)
        found: list[dict[str, Any]] = reply.json().get("items") or []
        return found
