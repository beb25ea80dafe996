"""Upload sessions, the bytes they have received, and the videos that they become."""

import base64
import hashlib
import secrets
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from studio_sandbox.config import Account, Config
from studio_sandbox.services.youtube.errors import youtube_error
from studio_sandbox.services.youtube.grants import channel_id
from studio_sandbox.store.files import Files
from studio_sandbox.store.journal import Body, Journal
from studio_sandbox.store.ledger import Ledger, Price, Reason
from studio_sandbox.wire.route import Call, fingerprint

SESSION, VIDEO = "youtube_session", "youtube_video"
_PACIFIC = ZoneInfo("America/Los_Angeles")


class Sessions:
    """The sessions.

    Args:
        config: How long they are valid, and the quota.
        journal: Where sessions and videos are kept.
        ledger: Where each insert is counted.
        files: Where the bytes lie.
    """

    def __init__(self, config: Config, journal: Journal, ledger: Ledger, files: Files) -> None:
        self._config = config
        self._journal = journal
        self._ledger = ledger
        self._files = files

    def begin(self, call: Call, account: Account, channel: str, video: dict[str, Any]) -> str:
        """Begin a session, which takes one insert of the day's quota; returns its id.

        Raises:
            ServiceError: quotaExceeded.
        """
        if self._used(account, call.now) >= self._config.inserts_per_day:
            raise youtube_error("quotaExceeded")
        session_id = secrets.token_urlsafe(48)
        size = call.request.headers.get("x-upload-content-length")
        session = {
            "channel": channel,
            "at": call.now.isoformat(),
            "size": int(size) if size and size.isdecimal() else None,
            "video": video,
        }
        reason = Reason(
            key=call.key,
            fingerprint=fingerprint("youtube", channel, video, size),
            what=f"videos.insert: {video['snippet']['title'][:60]}",
            subject=session_id,
        )
        price = Price(units=1, unit="insert", usd=0)
        entry = (SESSION, session_id, session)
        self._ledger.charge(account, price, reason, call.now, entry)
        return session_id

    def _used(self, account: Account, now: datetime) -> int:
        """Inserts of a project since midnight in California."""
        today = now.astimezone(_PACIFIC).date()
        rows = (row for row in self._ledger.all() if row.service == "youtube")
        return sum(
            row.account == account.name and row.at.astimezone(_PACIFIC).date() == today
            for row in rows
        )

    def find(self, session_id: str, now: datetime) -> Body:
        """A session.

        Raises:
            ServiceError: 404, 410: there is none, or none any more.
        """
        session = self._journal.get(SESSION, session_id)
        if session is None:
            raise youtube_error("notFound")
        if session.get("lost"):
            raise youtube_error("gone" if session["lost"] == "410" else "notFound")
        lifetime = timedelta(seconds=self._config.session_seconds)
        if now >= datetime.fromisoformat(session["at"]) + lifetime:
            raise youtube_error("notFound")
        return session

    def lose(self, session_id: str, code: str) -> None:
        """Forget a session, which is answered 404 or 410 from now on."""
        session = self._journal.get(SESSION, session_id) or {}
        self._journal.put((SESSION, session_id, {**session, "lost": code}))

    def path(self, session_id: str) -> Path:
        """Where its bytes lie."""
        return self._files.path(f"upload-{hashlib.sha256(session_id.encode()).hexdigest()[:32]}")

    def received(self, session_id: str) -> int:
        """How many bytes have come."""
        path = self.path(session_id)
        return path.stat().st_size if path.exists() else 0

    def finish(self, session_id: str, now: datetime) -> str:
        """Make the video of a session whose bytes have all come; returns its id."""
        session = self._journal.get(SESSION, session_id) or {}
        if "video_id" in session:
            return str(session["video_id"])
        video_id = base64.urlsafe_b64encode(secrets.token_bytes(8)).decode()[:11]
        described = session["video"]
        status = dict(described["status"])
        if not self._config.audited:
            status["privacyStatus"] = "private"
        channel = channel_id(session["channel"])
        published = now.isoformat().replace("+00:00", "Z")
        where = {"channelId": channel, "channelTitle": session["channel"]}
        video = {
            "at": now.isoformat(),
            "channel": session["channel"],
            "session": session_id,
            "snippet": {**described["snippet"], **where, "publishedAt": published},
            "status": status,
            "bytes": self.received(session_id),
        }
        done = (SESSION, session_id, {**session, "video_id": video_id})
        self._journal.put((VIDEO, video_id, video), done)
        return video_id

    def videos(self, channel: str, now: datetime) -> list[tuple[str, Body]]:
        """Id and body of the videos of a channel that are listed, newest first."""
        latest = now - timedelta(seconds=self._config.listed_after_seconds)
        found = [
            (video_id, video)
            for video_id, video in self._journal.all(VIDEO)
            if video["channel"] == channel and datetime.fromisoformat(video["at"]) <= latest
        ]
        return found[::-1]

    def resource(self, video_id: str) -> dict[str, Any]:
        """A video as the API shows it."""
        video = self._journal.get(VIDEO, video_id) or {}
        shown = {"kind": "youtube#video", "id": video_id, "etag": fingerprint(video)}
        return {**shown, "snippet": video["snippet"], "status": video["status"]}
