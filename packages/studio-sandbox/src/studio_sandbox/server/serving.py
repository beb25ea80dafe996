"""The web server that a sandbox runs on."""

import uvicorn
from starlette.applications import Starlette

_GRACE_SECONDS = 5


def server(app: Starlette) -> uvicorn.Server:
    """A web server for what `create_app` made."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
    )
