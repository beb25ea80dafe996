"""The page at /: the ledger, the jobs and the uploads, for a person to look at."""

import html
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response

from studio_sandbox.config import Clock
from studio_sandbox.services.kling.service import Kling
from studio_sandbox.services.youtube.sessions import SESSION, VIDEO, Sessions
from studio_sandbox.store.files import Files
from studio_sandbox.store.journal import Journal
from studio_sandbox.store.ledger import Charge, Ledger

_SHOWN = 200
_KINDS = {".png": "image/png", ".mp3": "audio/mpeg", ".mp4": "video/mp4"}
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_STYLE = (
    "body{font:15px system-ui;margin:2rem;max-width:75rem}table{border-collapse:collapse}"
    "td,th{border:1px solid #ccc;padding:.3rem .5rem;text-align:left;vertical-align:top}"
    "img,video{width:240px;max-height:160px}.n{text-align:right}"
)


class Page:
    """The page and its files.

    Args:
        journal: What is kept.
        ledger: The charges.
        files: The files.
        kling: Makes the clips that are looked at.
        sessions: YouTube's uploads.
        clock: The time.
    """

    def __init__(
        self,
        *,
        journal: Journal,
        ledger: Ledger,
        files: Files,
        kling: Kling,
        sessions: Sessions,
        clock: Clock,
    ) -> None:
        self._journal = journal
        self._ledger = ledger
        self._files = files
        self._kling = kling
        self._sessions = sessions
        self._clock = clock

    async def page(self, _request: Request) -> Response:
        """GET /."""
        now = self._clock()
        self._kling.jobs.settle(now)
        rows = list(self._ledger.all())
        total = sum(row.usd for row in rows)
        charges = [_charge_row(row) for row in reversed(rows[-_SHOWN:])]
        body = (
            f"<h1>Studio sandbox</h1><p>{now:%Y-%m-%d %H:%M:%S} UTC. Nothing here costs money.</p>"
            f"<h2>Ledger: {len(rows)} rows, ${total:.3f}</h2>"
            + _table(("", "at", "service", "key", "what", "units", "USD", ""), charges)
            + "<h2>Clips</h2>"
            + _table(("job", "key", "state", "prompt", ""), self._jobs(now))
            + "<h2>Uploads</h2>"
            + _table(("title", "received", "of", "video", "privacy", ""), self._uploads())
        )
        head = f"<title>Studio sandbox</title><style>{_STYLE}</style>"
        whole = f"<!doctype html><html lang=en><meta charset=utf-8>{head}{body}</html>"
        return HTMLResponse(whole, headers=_HEADERS)

    async def file(self, request: Request) -> Response:
        """GET /made/{name}: a picture or a sound."""
        path = self._files.path(request.path_params["name"])
        kind = _KINDS.get(path.suffix)
        if kind is None or not path.is_file():
            return Response("There is no such file.", 404, headers=_HEADERS)
        return FileResponse(path, media_type=kind, headers=_HEADERS)

    async def clip(self, request: Request) -> Response:
        """GET /clips/{task_id}: a job's clip."""
        job = self._kling.jobs.get(request.path_params["task_id"])
        if job is None or self._kling.jobs.status(job, self._clock()) != "succeed":
            return Response("There is no such clip.", 404, headers=_HEADERS)
        path = await self._kling.clip(job)
        return FileResponse(path, media_type="video/mp4", headers=_HEADERS)

    async def film(self, request: Request) -> Response:
        """GET /films/{video_id}: an uploaded film."""
        video = self._journal.get(VIDEO, request.path_params["video_id"])
        if video is None:
            return Response("There is no such film.", 404, headers=_HEADERS)
        path = self._sessions.path(video["session"])
        return FileResponse(path, media_type="video/mp4", headers=_HEADERS)

    def _jobs(self, now: datetime) -> list[str]:
        rows = []
        for job in reversed(list(self._kling.jobs.all())[-_SHOWN:]):
            status = self._kling.jobs.status(job, now)
            player = _video(f"/clips/{job.task_id}") if status == "succeed" else ""
            cells = (job.task_id, job.external_task_id or "", status, job.prompt[:120])
            rows.append(_row(cells, player))
        return rows

    def _uploads(self) -> list[str]:
        rows = []
        for number, session in reversed(list(self._journal.all(SESSION))[-_SHOWN:]):
            video_id = session.get("video_id", "")
            video = self._journal.get(VIDEO, video_id) or {"status": {"privacyStatus": ""}}
            player = _video(f"/films/{video_id}") if video_id else ""
            title = session["video"]["snippet"]["title"]
            received = self._sessions.received(number)
            facts = (received, session["size"] or "", video_id, video["status"]["privacyStatus"])
            rows.append(_row((title, *facts), player))
        return rows


def _charge_row(row: Charge) -> str:
    what = f"refund of {row.refund_of}: {row.what}" if row.refund_of else row.what
    units = f"{row.units:g} {row.unit}"
    at = f"{row.at:%m-%d %H:%M:%S}"
    cells = (row.id, at, row.service, row.key or "", what, units, f"{row.usd:.4f}")
    return _row(cells, _look(row.file))


def _look(name: str | None) -> str:
    if name is None or ":" in name:
        return ""
    link = html.escape(f"/made/{name}")
    if name.endswith(".png"):
        return f'<img src="{link}" loading="lazy" alt="">'
    return f'<audio controls preload="none" src="{link}"></audio>'


def _video(link: str) -> str:
    return f'<video controls preload="none" src="{html.escape(link)}"></video>'


def _row(cells: tuple[Any, ...], last: str) -> str:
    shown = "".join(f"<td>{html.escape(str(cell))}</td>" for cell in cells)
    return f"<tr>{shown}<td>{last}</td></tr>"


def _table(heads: tuple[str, ...], rows: list[str]) -> str:
    if not rows:
        return "<p>Nothing yet.</p>"
    head = "".join(f"<th>{name}</th>" for name in heads)
    return f"<table><tr>{head}</tr>{''.join(rows)}</table>"
