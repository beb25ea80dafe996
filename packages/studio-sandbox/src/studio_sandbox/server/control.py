"""The sandbox's own endpoints under /control.

They need no key: every program that reaches the port may use them. A web page of another site may
not (`server.own_site`), and a POST must have `Content-Type: application/json`.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from math import isfinite
from typing import Any, TypeGuard, get_type_hints

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from studio_sandbox.config import Account, Config
from studio_sandbox.server.clock import SandboxClock
from studio_sandbox.services.kling.jobs import Jobs
from studio_sandbox.services.youtube.sessions import SESSION, VIDEO, Sessions
from studio_sandbox.store.journal import Journal
from studio_sandbox.store.ledger import Ledger
from studio_sandbox.wire.faults import ONLY_ON, Fault, Faults, FaultSettings
from studio_sandbox.wire.route import RequestLog

_FIELDS = get_type_hints(FaultSettings)
_WHOLE = ("times", "skip", "at")
_LONGEST = timedelta(days=3650)
Json = dict[str, Any]


class BadRequest(Exception):
    """What was sent cannot be used; the text is one sentence."""


class Control:
    """The endpoints.

    Args:
        config: The accounts.
        journal: What is kept.
        ledger: The charges.
        faults: The faults.
        log: The requests.
        jobs: Kling's jobs.
        sessions: YouTube's uploads.
        clock: The time.
    """

    def __init__(
        self,
        config: Config,
        *,
        journal: Journal,
        ledger: Ledger,
        faults: Faults,
        log: RequestLog,
        jobs: Jobs,
        sessions: Sessions,
        clock: SandboxClock,
    ) -> None:
        self._config = config
        self._journal = journal
        self._ledger = ledger
        self._faults = faults
        self._log = log
        self._jobs = jobs
        self._sessions = sessions
        self._clock = clock

    def endpoints(self) -> list[tuple[str, list[str], Callable[[Request], Awaitable[Response]]]]:
        """Path, methods and function of each."""
        every = (
            ("ledger", ["GET"], self.ledger),
            ("jobs", ["GET"], self.jobs),
            ("uploads", ["GET"], self.uploads),
            ("requests", ["GET"], self.requests),
            ("accounts", ["GET", "POST"], self.accounts),
            ("faults", ["GET", "POST", "DELETE"], self.faults),
            ("clock", ["GET", "POST"], self.clock),
        )
        return [(f"/control/{name}", methods, answering(serve)) for name, methods, serve in every]

    async def ledger(self, request: Request) -> Json:
        """GET ?service=&account=&key=: the rows, oldest first, and their sum in US dollars."""
        self._jobs.settle(self._clock())
        wanted = dict(request.query_params)
        if unknown := set(wanted) - {"service", "account", "key"}:
            raise BadRequest(f"The ledger has no {min(unknown)!r}.")
        rows = [row.shown() for row in self._ledger.all()]
        found = [row for row in rows if all(row[name] == wanted[name] for name in wanted)]
        return {"charges": found, "usd": round(sum(row["usd"] for row in found), 6)}

    async def jobs(self, _request: Request) -> Json:
        """GET: Kling's jobs, oldest first."""
        now = self._clock()
        return {"jobs": [self.show_job(job.task_id, now) for job in self._jobs.all()]}

    def show_job(self, task_id: str, now: datetime) -> Json:
        """A job as JSON."""
        job = self._jobs.get(task_id)
        if job is None:
            raise BadRequest("There is no such job.")
        hidden = ("image", "submitted_at")
        facts = {name: value for name, value in job.__dict__.items() if name not in hidden}
        status = self._jobs.status(job, now)
        return {**facts, "submitted_at": job.submitted_at.isoformat(), "status": status}

    async def uploads(self, _request: Request) -> Json:
        """GET: YouTube's upload sessions and videos, oldest first."""
        sessions = [
            {
                "upload_id": number,
                "received": self._sessions.received(number),
                **{name: value for name, value in session.items() if name != "video"},
                "title": session["video"]["snippet"]["title"],
            }
            for number, session in self._journal.all(SESSION)
        ]
        videos = [{"id": number, **video} for number, video in self._journal.all(VIDEO)]
        return {"sessions": sessions, "videos": videos}

    async def requests(self, _request: Request) -> Json:
        """GET: how many requests the services got, and the last of them."""
        return {"total": self._log.total, "requests": list(self._log.entries)}

    async def accounts(self, request: Request) -> Json:
        """GET lists the accounts with their keys; POST {service, name?, balance} sets a balance."""
        if request.method == "POST":
            body = await read_json(request)
            if set(body) - {"service", "name", "balance"} or "balance" not in body:
                raise BadRequest("A balance has service, name (or the first) and balance.")
            balance = body["balance"]
            if balance is not None and not _is_number(balance):
                raise BadRequest("balance must be a number, or null for as much as is asked for.")
            self._ledger.set_balance(self._account(body), balance)
        shown = [
            {**asdict(account), "balance": self._ledger.balance(account)}
            for account in self._config.accounts
        ]
        return {"accounts": shown}

    def _account(self, body: Json) -> Account:
        for account in self._config.accounts:
            is_name = body.get("name", account.name) == account.name
            if account.service == body.get("service") and is_name:
                return account
        raise BadRequest("There is no such account.")

    async def faults(self, request: Request) -> Json:
        """GET lists the faults, POST sets one, DELETE clears all."""
        if request.method == "POST":
            return _shown(self._faults.add(_fault(await read_json(request))))
        if request.method == "DELETE":
            return {"cleared": self._faults.clear()}
        return {"faults": [_shown(fault) for fault in self._faults.all()]}

    async def clock(self, request: Request) -> Json:
        """GET: the time. POST {advance_seconds}: lets time pass."""
        if request.method == "POST":
            body = await read_json(request)
            seconds = body.get("advance_seconds")
            if set(body) != {"advance_seconds"} or not _is_number(seconds):
                raise BadRequest("The body must be {advance_seconds: a number}.")
            if not 0 <= seconds <= _LONGEST.total_seconds():
                raise BadRequest("advance_seconds must be from 0 to ten years.")
            self._clock.advance(timedelta(seconds=seconds))
        ahead = self._clock.ahead.total_seconds()
        return {"now": self._clock().isoformat(), "ahead_seconds": ahead}


def answering(
    serve: Callable[[Request], Awaitable[Json]],
) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint that answers with JSON, or 400 with a sentence."""

    async def answer(request: Request) -> Response:
        try:
            return JSONResponse(await serve(request))
        except BadRequest as error:
            return JSONResponse({"message": str(error)}, 400)

    return answer


async def read_json(request: Request) -> Json:
    """The JSON object of a POST.

    Raises:
        BadRequest: It is not one, or its content type is another.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise BadRequest("Send Content-Type: application/json.")
    try:
        body = json.loads(await request.body())
    except (ValueError, RecursionError):
        raise BadRequest("The body is not JSON.") from None
    if not isinstance(body, dict):
        raise BadRequest("The body must be a JSON object.")
    return body


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def _fault(body: Json) -> FaultSettings:
    """The fault that a body describes.

    Raises:
        BadRequest: It cannot work.
    """
    for name, value in body.items():
        if name not in _FIELDS:
            raise BadRequest(f"A fault has no {name!r}; it has {', '.join(_FIELDS)}.")
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        if name in _WHOLE and value is not None and not is_whole:
            raise BadRequest(f"{name} must be a whole number.")
        if name == "delay_ms" and not _is_number(value):
            raise BadRequest("delay_ms must be a number.")
        is_text = isinstance(value, str)
        if name not in (*_WHOLE, "delay_ms") and value is not None and not is_text:
            raise BadRequest(f"{name} must be a text.")
    if not isinstance(body.get("kind"), str):
        raise BadRequest("A fault needs a kind.")
    places = ONLY_ON.get(body["kind"], ())
    usual = dict(zip(("service", "route"), places[0], strict=True)) if places else {}
    try:
        return FaultSettings(**{**usual, **body})
    except ValueError as error:
        raise BadRequest(str(error)) from None


def _shown(fault: Fault) -> Json:
    return {"number": fault.number, **asdict(fault.settings), "struck": fault.struck}
