"""The web server that a sandbox runs on."""

import socket

import uvicorn
from starlette.applications import Starlette

_GRACE_SECONDS = 5


def listen(host: str, port: int) -> socket.socket:
    """A socket that waits for connections.

    Raises:
        OSError: The port is taken, or the host is none of this machine.
    """
    listener = socket.create_server((host, port))
    # Connections inherit it. Without it the second answer of each connection takes 40 ms longer:
    # asyncio sets it only on sockets that were made with a protocol.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


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
