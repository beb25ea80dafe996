"""Assembles a sandbox as an ASGI app.

Nothing is created at import, so one process can have several sandboxes, each with its own clock.
"""

import contextlib
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route as WebRoute
from starlette.types import Receive, Scope, Send

from studio_sandbox.config import Clock, Config, utc_now
from studio_sandbox.server.clock import SandboxClock
from studio_sandbox.server.control import Control
from studio_sandbox.server.own_site import OwnSiteOnly
from studio_sandbox.server.page import Page
from studio_sandbox.services.elevenlabs.service import ElevenLabs
from studio_sandbox.services.gemini import Gemini
from studio_sandbox.services.kling.service import Kling
from studio_sandbox.services.youtube.authorization import PAGE
from studio_sandbox.services.youtube.service import YouTube
from studio_sandbox.store.files import Files
from studio_sandbox.store.journal import Journal
from studio_sandbox.store.ledger import Ledger
from studio_sandbox.wire.connection import remember_send
from studio_sandbox.wire.faults import Faults
from studio_sandbox.wire.route import Endpoint, RequestLog


class Sandbox:
    """One sandbox.

    Args:
        config: The settings.
        clock: The time as an aware datetime in UTC.

    Raises:
        DataError: The journal cannot be used. The text is one sentence.
    """

    def __init__(self, config: Config, *, clock: Clock = utc_now) -> None:
        self.config = config
        self.journal = Journal(config.data)
        self.files = Files(config.data)
        self.ledger = Ledger(self.journal, config)
        self.clock = SandboxClock(clock, self.journal)
        self.faults = Faults()
        self.log = RequestLog(config.log_limit)
        shared = (config, self.journal, self.ledger, self.files)
        # Advanced time does not age tokens: their clients have only the clock itself.
        self.kling = Kling(*shared, token_clock=clock)
        self.youtube = YouTube(*shared, clock=self.clock)
        self.gemini = Gemini(config, self.ledger, self.files)
        self.elevenlabs = ElevenLabs(*shared)

    def routes(self) -> list[WebRoute]:
        """The routes of the services, of the control endpoints and of the page."""
        services = (self.gemini, self.kling, self.elevenlabs, self.youtube)
        found = [route for service in services for route in service.routes()]
        routes = [
            WebRoute(
                route.path,
                Endpoint(route, self.faults, self.log, self.clock).__call__,
                methods=list(route.methods),
            )
            for route in found
        ]
        control = Control(
            self.config,
            journal=self.journal,
            ledger=self.ledger,
            faults=self.faults,
            log=self.log,
            jobs=self.kling.jobs,
            sessions=self.youtube.sessions,
            clock=self.clock,
        )
        own = control.endpoints()
        routes += [WebRoute(path, serve, methods=methods) for path, methods, serve in own]
        return [*routes, *self._pages()]

    def _pages(self) -> list[WebRoute]:
        page = Page(
            journal=self.journal,
            ledger=self.ledger,
            files=self.files,
            kling=self.kling,
            sessions=self.youtube.sessions,
            clock=self.clock,
        )
        authorization = self.youtube.authorization
        return [
            WebRoute("/", page.page, methods=["GET"]),
            WebRoute("/made/{name}", page.file, methods=["GET"]),
            WebRoute("/clips/{task_id}", page.clip, methods=["GET"]),
            WebRoute("/films/{video_id}", page.film, methods=["GET"]),
            WebRoute(PAGE, authorization.page, methods=["GET"]),
            WebRoute(PAGE, authorization.decide, methods=["POST"]),
            WebRoute("/revoke", authorization.revoke, methods=["POST"]),
            WebRoute("/{path:path}", elsewhere, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
        ]

    def close(self) -> None:
        """Close the journal. Nothing that was answered is lost."""
        self.journal.close()
        self.files.close()


async def elsewhere(request: Request) -> Response:
    """Any other path: 501, in words."""
    words = f"studio-sandbox does not emulate {request.method} {request.url.path}."
    error = {"code": 501, "status": "UNIMPLEMENTED", "message": words}
    return JSONResponse({"error": error, "message": words}, 501)


class _App(Starlette):
    """Starlette that keeps the web server's own `send`, which dropping a connection needs."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        remember_send(scope, send)
        await super().__call__(scope, receive, send)


def create_app(config: Config, *, clock: Clock = utc_now) -> Starlette:
    """A sandbox as an ASGI app; `app.state.sandbox` is the `Sandbox`.

    The journal is opened here, and closed at the end of the lifespan.

    Args:
        config: The settings.
        clock: The time as an aware datetime in UTC.

    Raises:
        DataError: The journal cannot be used. The text is one sentence.
    """
    sandbox = Sandbox(config, clock=clock)

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        sandbox.close()

    app = _App(lifespan=lifespan, middleware=[Middleware(OwnSiteOnly)], routes=sandbox.routes())
    app.state.sandbox = sandbox
    return app
