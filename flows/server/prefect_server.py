"""`python -m flows.server.prefect_server`: Prefect's server, closed to web pages of other sites.

It is the application that `prefect server start` serves, behind `flows.server.same_origin`. All
settings come from the environment: see `flows.server.prefect_settings.server_environment`.
"""

from __future__ import annotations

import logging
import sys
from typing import Any, Final

import uvicorn
from prefect.server.api.server import create_app
from prefect.settings import Settings, get_current_settings

from flows.server.same_origin import LOOPBACK, SameOriginOnly
from models.log_bound import Bounded

LOGIN_VARIABLE: Final = "PREFECT_SERVER_API_AUTH_STRING"


def guarded(app: Any, settings: Settings) -> SameOriginOnly:
    """Wrap the application in its same-origin guard.

    Without a login only loopback names are served. With a login any name is: a browser sends a
    login only to the site that asked for it.
    """
    api = settings.server.api
    hosts = LOOPBACK | {api.host} if api.auth_string is None else None
    origins = [origin.strip() for origin in api.cors_allowed_origins.split(",")]
    return SameOriginOnly(app, hosts=hosts, origins=[origin for origin in origins if origin != "*"])


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    settings = get_current_settings()
    api = settings.server.api
    if api.auth_string is None and api.host not in LOOPBACK:
        sys.exit(
            f"Prefect's server would be open to everybody who reaches {api.host}: "
            f"set {LOGIN_VARIABLE}."
        )
    # asyncio logs thousands of times a second that no file descriptor is left.
    logging.getLogger("asyncio").addFilter(Bounded())
    uvicorn.run(
        guarded(create_app(final=True), settings),
        host=api.host,
        port=api.port,
        timeout_keep_alive=api.keepalive_timeout,
        log_level=settings.server.logging_level.lower(),
    )


if __name__ == "__main__":
    main()
