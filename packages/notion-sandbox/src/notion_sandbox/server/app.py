"""Assembles a sandbox as an ASGI app.

Nothing is created at import, so one process can have several sandboxes, each with its own clock.
"""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from datetime import datetime
from random import Random, SystemRandom

import httpx
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as WebRoute
from starlette.types import Receive, Scope, Send

from notion_sandbox.config import Clock, Config, utc_now
from notion_sandbox.endpoints.routes import ROUTES
from notion_sandbox.errors import NotionError
from notion_sandbox.files.expiry import UploadExpiry
from notion_sandbox.files.importing import Importer
from notion_sandbox.request.answers import remember_send
from notion_sandbox.request.http_json import json_response
from notion_sandbox.server.api import Api
from notion_sandbox.server.board_control import BoardControl
from notion_sandbox.server.control import Control
from notion_sandbox.server.fault_control import FaultControl
from notion_sandbox.server.feed import Feed
from notion_sandbox.server.feed_publisher import FeedPublisher
from notion_sandbox.server.files import Files
from notion_sandbox.server.own_site import OwnSiteOnly
from notion_sandbox.store.state import State
from notion_sandbox.store.storage import Storage
from notion_sandbox.values.ids import new_uuid
from notion_sandbox.web import site
from notion_sandbox.webhooks.delivery import Sender
from notion_sandbox.webhooks.outbox import Outbox

_METHODS = ["GET", "POST", "PATCH", "PUT", "DELETE"]


class Sandbox:
    """One sandbox: its state, its API, its webhooks.

    Args:
        config: The settings.
        clock: The time as an aware datetime in UTC.
        rng: Source of ids, tokens and colours; a seeded one makes runs repeatable.
        http: Sends the webhooks; None makes a client for real HTTP.

    Raises:
        StateError: The state folder cannot be used. The text is one sentence.
    """

    def __init__(
        self,
        config: Config,
        *,
        clock: Clock = utc_now,
        rng: Random | None = None,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        chance = rng or SystemRandom()
        self.config = config
        self.clock = clock
        self._rng = chance
        self.storage = Storage(config.state_dir)
        self.state = State(self.storage, config.accounts, rng=chance, now=clock())
        self.state.put_meta("workspace_name", config.workspace_name)
        self.state.put_meta("max_file_bytes", config.max_file_bytes)
        if "file_key" not in self.state.meta:
            # Not from `rng`, so that ids do not depend on whether the key existed before.
            self.state.put_meta("file_key", secrets.token_hex(32))
        self.outbox = Outbox(
            self.state,
            aggregation_seconds=config.aggregation_seconds,
            keep=config.log_limit,
            rng=chance,
        )
        present = self.outbox.subscription or {}
        webhook_url = config.webhook_url or present.get("url")
        if webhook_url is not None:
            self.outbox.subscribe(webhook_url, config.webhook_secret)
        self.state.commit()
        self.sender = Sender(self.outbox, clock=clock, http=http)
        self.api = Api(
            ROUTES,
            state=self.state,
            outbox=self.outbox,
            sender=self.sender,
            config=config,
            clock=clock,
            rng=chance,
        )
        self.importer = Importer(
            self.state,
            self.outbox,
            clock=clock,
            http=lambda: self.sender.http,
            limit=config.max_file_bytes,
        )
        expiry = UploadExpiry(self.state, self.outbox)
        self.api.before_each = self.outbox.before_due = expiry.expire
        self.outbox.next_elsewhere = expiry.next_at
        self.api.after_each = self.importer.wake
        self.files = Files(self.state, clock)
        self.faults = self.api.faults
        # Not from `rng`: two starts with the same seed are two runs.
        self.feed = Feed(secrets.token_hex(4))
        watching = FeedPublisher(self.feed, self.state)
        self.api.on_change = watching.changed
        self.api.log.watch = watching.requested
        self.outbox.watch = watching.delivered
        limit = config.requests_per_minute
        self.control = Control(
            self.api,
            limit=limit,
            state=self.state,
            outbox=self.outbox,
            sender=self.sender,
            clock=clock,
        )
        self.board_control = BoardControl(state=self.state, feed=self.feed, clock=clock)
        self.fault_control = FaultControl(self.faults, feed=self.feed, clock=clock)
        self._pumps: list[asyncio.Task[None]] = []
        self._closed = False

    @property
    def root_page_id(self) -> str:
        """The page under which databases can be created."""
        return self.state.root_page_id

    def token(self, name: str) -> str:
        """The token of an account, by its name.

        Raises:
            KeyError: No account has this name.
        """
        found = next((user.token for user in self.state.tokens.values() if user.name == name), None)
        if found is None:
            raise KeyError(name)
        return found

    async def deliver_due(self, now: datetime | None = None) -> int:
        """Run pending file imports, send every webhook due at `now`, and wait for both to finish.

        Returns the number of webhook attempts made.
        """
        await self.importer.run()
        return await self.sender.deliver_due(now)

    def start(self) -> None:
        """Deliver webhooks and import files in the background. Needs a running event loop."""
        if not self._pumps:
            pumps = (self.sender.pump(), self.importer.pump())
            self._pumps = [asyncio.create_task(pump) for pump in pumps]

    async def close(self) -> None:
        """Stop delivering, and close the state file. May be called twice.

        Nothing that was acknowledged is lost.
        """
        if self._closed:
            return
        self._closed = True
        self.feed.close()
        for pump in self._pumps:
            pump.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await pump
        self._pumps = []
        await self.sender.close()
        self.storage.close()

    async def elsewhere(self, _request: Request) -> Response:
        """Any other path: the answer of api.notion.com."""
        error = NotionError(400, "invalid_request_url", "Invalid request URL.")
        return json_response(error.body(new_uuid(self._rng)), 400, self.clock())


class _App(Starlette):
    """Starlette that keeps the web server's own `send`, which dropping a connection needs."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        remember_send(scope, send)
        await super().__call__(scope, receive, send)


def create_app(
    config: Config,
    *,
    clock: Clock = utc_now,
    rng: Random | None = None,
    http: httpx.AsyncClient | None = None,
) -> Starlette:
    """A sandbox as an ASGI app; `app.state.sandbox` is the `Sandbox`.

    The state is opened here. Under a server the lifespan delivers webhooks (unless `config.pump` is
    False) and closes the sandbox at the end. Without a lifespan, call `deliver_due` and `close`.

    Args:
        config: The settings.
        clock: The time as an aware datetime in UTC.
        rng: Source of ids, tokens and colours.
        http: Sends the webhooks.

    Raises:
        StateError: The state folder cannot be used. The text is one sentence.
    """
    sandbox = Sandbox(config, clock=clock, rng=rng, http=http)

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        if config.pump:
            sandbox.start()
        yield
        await sandbox.close()

    app = _App(
        lifespan=lifespan,
        middleware=[Middleware(OwnSiteOnly)],
        routes=[
            WebRoute("/", site.page, methods=["GET"]),
            WebRoute("/page/{name:path}", site.page_file, methods=["GET"]),
            WebRoute("/sandbox/session", sandbox.board_control.session, methods=["GET"]),
            WebRoute("/sandbox/stream", sandbox.board_control.stream, methods=["GET"]),
            WebRoute(
                "/sandbox/faults", sandbox.fault_control.__call__, methods=["GET", "POST", "DELETE"]
            ),
            WebRoute("/sandbox/requests", sandbox.control.requests, methods=["GET"]),
            WebRoute("/sandbox/webhook", sandbox.control.webhook, methods=["POST"]),
            WebRoute("/sandbox/webhook/handshake", sandbox.control.handshake, methods=["POST"]),
            WebRoute("/sandbox/webhooks", sandbox.control.webhooks, methods=["GET"]),
            WebRoute("/files/{upload_id}/{name:path}", sandbox.files.__call__, methods=["GET"]),
            WebRoute("/v1/{path:path}", sandbox.api.__call__, methods=_METHODS),
            WebRoute("/{path:path}", sandbox.elsewhere, methods=_METHODS),
        ],
    )
    app.state.sandbox = sandbox
    return app
