"""The receiver's peer: a route of FastAPI that does one INSERT of what it gets, and commits.

It neither authenticates nor parses the body, and logs nothing. Server, engine and durability are
the receiver's, so the difference is the cost of what the receiver does besides.
"""

from __future__ import annotations

import argparse
import asyncio

from fastapi import FastAPI, Request
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks.kit.load import PATH
from models.postgres.engine import database_url, open_engine
from models.settings import load_settings
from webhook.server import Server, listen

_TABLE = (
    "CREATE TABLE IF NOT EXISTS bare (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY "
    "KEY, body jsonb NOT NULL)"
)
_INSERT = text("INSERT INTO bare (body) VALUES (CAST(:body AS jsonb))")


def bare(engine: AsyncEngine) -> FastAPI:
    """The application."""
    app = FastAPI()

    @app.post(PATH)
    async def receive(request: Request) -> dict[str, str]:
        body = await request.body()
        async with engine.begin() as connection:
            await connection.execute(_INSERT, {"body": body.decode()})
        return {"status": "received"}

    @app.get("/health")
    async def health() -> None:
        pass

    return app


async def serve(port: int) -> None:
    """Make the table, and serve until stopped."""
    settings = load_settings()
    assert settings.database_url is not None
    url = database_url(settings.database_url.get_secret_value())
    engine = open_engine(url, pool_size=settings.database_pool_size, ping=False)
    async with engine.begin() as connection:
        await connection.execute(text(_TABLE))
    with listen("127.0.0.1", port) as listener:
        await Server(bare(engine)).serve(sockets=[listener])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.kit.bare_route", description=__doc__
    )
    parser.add_argument("--port", type=int, required=True)
    asyncio.run(serve(parser.parse_args().port))
