"""A sandbox for your own tests: `with SandboxServer() as notion: ...`.

It runs in its own thread and is reached over real HTTP, so it serves tests of every kind: plain
ones, asynchronous ones, and programs that a test starts. The fixture `notion_sandbox` of the pytest
plugin is one of these.
"""

import json
import secrets
import socket
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

import httpx

from notion_sandbox.config import Config, utc_now
from notion_sandbox.server.app import create_app
from notion_sandbox.server.serving import Server
from notion_sandbox.webhooks.delivery import sign

VERSION = "2026-03-11"
FOR_TESTS = Config(requests_per_minute=1_000_000, aggregation_seconds=0)
"""Practically no request limit, and webhooks as soon as something changes."""


@dataclass(frozen=True)
class MadeDatabase:
    """A database that a test created: its id, that of its data source, and the whole answer."""

    id: str
    data_source_id: str
    answer: dict[str, Any]


class WebhookReceiver:
    """Receives webhooks over real HTTP, as the program under test would.

    Attributes:
        url: Where it listens.
        secret: The verification token that signs the events.
        events: The received events, oldest first; those with a wrong signature are refused.
    """

    def __init__(self, secret: str = "secret_of_the_tests") -> None:  # noqa: S107 - for tests
        self.secret = secret
        self.events: list[dict[str, Any]] = []
        self._arrived = threading.Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/webhook"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        take = self._take

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.send_response(take(body, self.headers.get("X-Notion-Signature", "")))
                self.end_headers()

            def log_message(self, *_arguments: object) -> None:
                """Write no log."""

        return Handler

    def _take(self, body: bytes, signature: str) -> int:
        if signature != sign(self.secret, body):
            return 401
        with self._arrived:
            self.events.append(json.loads(body))
            self._arrived.notify_all()
        return 200

    def wait_for(self, kind: str, seconds: float = 10) -> dict[str, Any]:
        """The first event of a type, such as `page.created`; waits until it comes.

        Raises:
            AssertionError: None arrived in time.
        """
        with self._arrived:
            self._arrived.wait_for(lambda: self._first(kind) is not None, seconds)
            found = self._first(kind)
            came = [event.get("type") for event in self.events]
        if found is None:
            raise AssertionError(f"No {kind} came within {seconds} seconds, only {came}.")
        return found

    def _first(self, kind: str) -> dict[str, Any] | None:
        return next((event for event in self.events if event.get("type") == kind), None)

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class SandboxServer:
    """A running sandbox, and what tests need of it.

    Args:
        config: Its settings; by default without a request limit, and with webhooks at once.

    Attributes:
        base_url: Its address: the base URL of your Notion client.
        token: The connection's token.
        person_token: The token of a person, whose edits are not those of a bot.
        root_page_id: The page under which databases and pages can be created.
    """

    def __init__(self, config: Config = FOR_TESTS) -> None:
        self._ahead = timedelta()
        self._receivers: list[WebhookReceiver] = []
        app = create_app(config, clock=self.now)
        sandbox = app.state.sandbox
        names = {account.kind: account.name for account in reversed(config.accounts)}
        first = config.accounts[0].name
        self.token: str = sandbox.token(names.get("bot", first))
        self.person_token: str = sandbox.token(names.get("person", first))
        self.root_page_id: str = sandbox.root_page_id
        listener = socket.create_server(("127.0.0.1", 0))
        self.base_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self._server = Server(app)
        self._thread = threading.Thread(target=self._server.run, args=([listener],))
        self._thread.start()
        # The server has no TLS, and reading certificates takes longer than most tests.
        self.http = httpx.Client(
            base_url=self.base_url,
            trust_env=False,
            verify=False,  # noqa: S501
            timeout=60,
        )

    def now(self) -> datetime:
        """The time of the sandbox: that of the machine, plus what `advance` added."""
        return utc_now() + self._ahead

    def advance(self, **span: float) -> None:
        """Let time pass in the sandbox: `advance(hours=1)`, with the arguments of `timedelta`."""
        self._ahead += timedelta(**span)
        # Any request makes the sandbox check what is due: webhooks, and uploads that expire.
        self.request("GET", "/v1/users/me")

    def request(
        self, method: str, path: str, body: Any = None, *, token: str | None = None
    ) -> dict[str, Any]:
        """Call the API as the connection, or as the user of `token`.

        Raises:
            AssertionError: The API refused; the text has its answer.
        """
        headers = {"Authorization": f"Bearer {token or self.token}", "Notion-Version": VERSION}
        return self._ask(method, path, body, headers)

    def make_database(
        self, title: str, properties: dict[str, Any] | None = None, *, under: str | None = None
    ) -> MadeDatabase:
        """Create a database, under the root page unless `under` names another page.

        Args:
            title: Its title.
            properties: The schema as the API takes it; by default a title property `Name`.
            under: A page's id.
        """
        body = {
            "parent": {"type": "page_id", "page_id": under or self.root_page_id},
            "title": [{"text": {"content": title}}],
            "initial_data_source": {"properties": properties or {"Name": {"title": {}}}},
        }
        answer = self.request("POST", "/v1/databases", body)
        return MadeDatabase(answer["id"], answer["data_sources"][0]["id"], answer)

    def fault(self, status: int | None = None, **settings: Any) -> dict[str, Any]:
        """Let requests fail: `fault(429, times=3, retry_after=1)`, `fault(drop="after")`.

        The README lists the settings. Returns the fault as the sandbox shows it.
        """
        body = settings if status is None else {"status": status, **settings}
        return self._ask("POST", "/sandbox/faults", body)

    def clear_faults(self) -> None:
        """Remove all faults."""
        self._ask("DELETE", "/sandbox/faults")

    def requests(self) -> list[dict[str, Any]]:
        """Every request of the API so far: method, path, status, user, time, milliseconds."""
        found: list[dict[str, Any]] = self._ask("GET", "/sandbox/requests?since=0")["requests"]
        return found

    def subscribe(self, url: str, secret: str | None = None) -> str:
        """Send webhooks to a URL from now on. Returns the verification token that signs them.

        Without a secret there is a new token.
        """
        chosen = secret or f"secret_{secrets.token_urlsafe(32)}"
        body = {"url": url, "secret": chosen}
        return str(self._ask("POST", "/sandbox/webhook", body)["secret"])

    def receive_webhooks(self) -> WebhookReceiver:
        """Start and subscribe a receiver; it is closed with the sandbox."""
        receiver = WebhookReceiver()
        self._receivers.append(receiver)
        self.subscribe(receiver.url, receiver.secret)
        return receiver

    def _ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> dict[str, Any]:
        answer = self.http.request(method, path, json=body, headers=headers)
        if not answer.is_success:
            raise AssertionError(
                f"{method} {path} was answered {answer.status_code}: {answer.text}"
            )
        found: dict[str, Any] = answer.json()
        return found

    def close(self) -> None:
        """Stop the sandbox and its receivers."""
        self.http.close()
        self._server.should_exit = True
        self._thread.join()
        for receiver in self._receivers:
            receiver.close()

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
