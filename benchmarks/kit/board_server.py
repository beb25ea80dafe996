"""A sandbox with a filled board: `python -m benchmarks.kit.board_server --cards 500`.

Prints one line of JSON when it answers: `base_url`, `bot_token`, `person_token`, `database_id`,
`data_source_id`, and serves until SIGTERM. The cards are made before it listens, a second apart and
ending an hour ago, so that no edit of a benchmark falls into the minute in which its card was made.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import uvicorn
from notion_sandbox import Account, Config, create_app
from starlette.applications import Starlette

from models.rules.new_board import board_schema

BOT_TOKEN, PERSON_TOKEN = "ntn_bot", "ntn_person"
CHANNEL = "history_in_ten"
"""As in channel_configs/: a card of another channel is not followed. Outside workers make its
videos: what waits in Queued stays there."""


class Clock:
    """The machine's clock, or a moment that was set while the board is filled."""

    def __init__(self) -> None:
        self.set_to: datetime | None = None

    def __call__(self) -> datetime:
        """Tell the time."""
        return self.set_to or datetime.now(UTC)


def card(number: int, status: str) -> dict[str, Any]:
    """The properties of a valid card."""
    texts = {
        "Topic": f"What the squid numbered {number} does at night",
        "Story Direction": "Calm, with one question.",
    }
    return {
        "Title": {"title": [{"text": {"content": f"Giant squid {number}"}}]},
        **{name: {"rich_text": [{"text": {"content": text}}]} for name, text in texts.items()},
        **{
            name: select(value)
            for name, value in {"Channel": CHANNEL, "Status": status, "Priority": "Normal"}.items()
        },
    }


def select(option: str) -> dict[str, Any]:
    """A select's value as a request has it."""
    return {"select": {"name": option}}


async def fill(app: Starlette, clock: Clock, *, cards: int, status: str) -> dict[str, str]:
    """Make the board and its cards as a person would, without the network between."""
    sandbox = app.state.sandbox
    clock.set_to = datetime.now(UTC) - timedelta(hours=1, seconds=cards)
    headers = {"Authorization": f"Bearer {PERSON_TOKEN}", "Notion-Version": "2026-03-11"}
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://sandbox", headers=headers
    ) as person:
        body: dict[str, Any] = {
            "parent": {"type": "page_id", "page_id": sandbox.root_page_id},
            "title": [{"text": {"content": "Videos"}}],
            "initial_data_source": {"properties": board_schema([CHANNEL, "deep_sea_stories"])},
        }
        made = (await person.post("/v1/databases", json=body)).raise_for_status().json()
        source = made["data_sources"][0]["id"]
        parent = {"type": "data_source_id", "data_source_id": source}
        for number in range(cards):
            clock.set_to += timedelta(seconds=1)
            page = {"parent": parent, "properties": card(number, status)}
            (await person.post("/v1/pages", json=page)).raise_for_status()
    clock.set_to = None
    return {"database_id": made["id"], "data_source_id": source}


async def serve(options: argparse.Namespace) -> None:
    """Fill the board, say where it is, serve."""
    clock = Clock()
    config = Config(
        accounts=(Account("bot", "Showrunner", BOT_TOKEN), Account("person", "Ada", PERSON_TOKEN)),
        requests_per_minute=options.requests_per_minute,
        latency_ms=0,
        aggregation_seconds=options.aggregation_seconds,
    )
    app = create_app(config, clock=clock)
    sandbox = app.state.sandbox
    facts = await fill(app, clock, cards=options.cards, status=options.status)
    if options.webhook_url:
        # Only now: what was made above is no news for anybody.
        sandbox.outbox.subscribe(options.webhook_url, options.webhook_secret)
    sandbox.api.latency_seconds = options.latency_ms / 1000
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((options.host, options.port))
    listener.listen(128)
    port = listener.getsockname()[1]
    facts |= {
        "base_url": f"http://{options.host}:{port}",
        "bot_token": BOT_TOKEN,
        "person_token": PERSON_TOKEN,
    }
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()
    server = uvicorn.Server(
        uvicorn.Config(app, log_level="warning", access_log=False, date_header=False)
    )
    await server.serve(sockets=[listener])


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.kit.board_server", description=__doc__
    )
    parser.add_argument("--cards", type=int, default=0)
    parser.add_argument("--status", default="Queued", help="of every card")
    parser.add_argument("--latency-ms", type=float, default=0)
    parser.add_argument("--requests-per-minute", type=int, default=180)
    parser.add_argument("--aggregation-seconds", type=float, default=0)
    parser.add_argument("--webhook-url")
    parser.add_argument("--webhook-secret")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
