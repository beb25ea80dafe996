"""A sandbox for your own tests: `with StudioSandbox() as studio: ...`.

It runs in its own thread and is reached over real HTTP, so it serves tests of every kind: plain
ones, asynchronous ones, and programs that a test starts. The fixture `studio_sandbox` of the pytest
plugin is one of these.
"""

import threading
from datetime import timedelta
from types import TracebackType
from typing import Any, Self

import httpx

from studio_sandbox.config import Account, Clock, Config, Service, utc_now
from studio_sandbox.server.app import create_app
from studio_sandbox.server.serving import listen, server
from studio_sandbox.services.kling.token import sign


class StudioSandbox:
    """A running sandbox, and what tests need of it.

    Args:
        config: Its settings.
        clock: The time as an aware datetime in UTC: the machine's, or one that the test moves.

    Attributes:
        base_url: Its address, which is the base URL of each of the four services.
        config: Its settings, in which the keys stand.
        http: A client for it.
    """

    def __init__(self, config: Config | None = None, *, clock: Clock = utc_now) -> None:
        self.config = config or Config()
        self._clock = clock
        app = create_app(self.config, clock=clock)
        listener = listen("127.0.0.1", 0)
        self.base_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self._server = server(app)
        self._thread = threading.Thread(target=self._server.run, args=([listener],))
        self._thread.start()
        # The server has no TLS, and reading certificates takes longer than most tests.
        self.http = httpx.Client(
            base_url=self.base_url,
            trust_env=False,
            verify=False,  # noqa: S501
            timeout=60,
        )

    def account(self, service: Service) -> Account:
        """The first account with a service."""
        return next(one for one in self.config.accounts if one.service == service)

    def kling_token(self) -> str:
        """A token for Kling, valid for half an hour."""
        return sign(self.account("kling"), self._clock())

    def youtube_token(self) -> str:
        """An access token for the first channel."""
        account = self.account("youtube")
        form = {
            "grant_type": "refresh_token",
            "client_id": account.key,
            "client_secret": account.secret,
            "refresh_token": self.config.refresh_token,
        }
        answer = self.http.post("/token", data=form)
        return str(_body(answer)["access_token"])

    def ledger(self, **wanted: str) -> list[dict[str, Any]]:
        """The rows of the ledger, oldest first: all, or those of a service, account or key."""
        found: list[dict[str, Any]] = _body(self.http.get("/control/ledger", params=wanted))[
            "charges"
        ]
        return found

    def jobs(self) -> list[dict[str, Any]]:
        """Kling's jobs, oldest first."""
        found: list[dict[str, Any]] = _body(self.http.get("/control/jobs"))["jobs"]
        return found

    def uploads(self) -> list[dict[str, Any]]:
        """YouTube's upload sessions, oldest first."""
        found: list[dict[str, Any]] = _body(self.http.get("/control/uploads"))["sessions"]
        return found

    def videos(self) -> list[dict[str, Any]]:
        """YouTube's videos, oldest first."""
        found: list[dict[str, Any]] = _body(self.http.get("/control/uploads"))["videos"]
        return found

    def requests(self) -> list[dict[str, Any]]:
        """Every request of the services so far; status 0 is one without an answer."""
        found: list[dict[str, Any]] = _body(self.http.get("/control/requests"))["requests"]
        return found

    def fault(self, kind: str, **settings: Any) -> dict[str, Any]:
        """Let requests fail: `fault("lost_after", service="kling", route="submit")`.

        The README lists the kinds. Returns the fault as the sandbox shows it.
        """
        return _body(self.http.post("/control/faults", json={"kind": kind, **settings}))

    def clear_faults(self) -> None:
        """Remove all faults."""
        _body(self.http.delete("/control/faults"))

    def set_balance(self, service: Service, balance: float | None) -> None:
        """Set what is left in the first account with a service; None: as much as is asked for."""
        _body(self.http.post("/control/accounts", json={"service": service, "balance": balance}))

    def advance(self, **span: float) -> None:
        """Let time pass in the sandbox: `advance(hours=1)`, with the arguments of `timedelta`."""
        seconds = timedelta(**span).total_seconds()
        _body(self.http.post("/control/clock", json={"advance_seconds": seconds}))

    def close(self) -> None:
        """Stop the sandbox."""
        self.http.close()
        self._server.should_exit = True
        self._thread.join()

    def __enter__(self) -> Self:
        """The sandbox, which is already running."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the sandbox."""
        self.close()


def _body(answer: httpx.Response) -> dict[str, Any]:
    """The JSON of an answer.

    Raises:
        AssertionError: It is an error; the text has the answer.
    """
    if not answer.is_success:
        asked = f"{answer.request.method} {answer.request.url.path}"
        raise AssertionError(f"{asked} was answered {answer.status_code}: {answer.text}")
    found: dict[str, Any] = answer.json()
    return found
