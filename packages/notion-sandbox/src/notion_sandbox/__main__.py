"""The command `notion-sandbox`: serve an emulated Notion API over HTTP until a signal stops it.

`python -m notion_sandbox` is the same.
"""

import argparse
import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import FrameType

from starlette.applications import Starlette

from notion_sandbox import __version__
from notion_sandbox.config import BOT, PERSON, Config
from notion_sandbox.server.app import Sandbox, create_app
from notion_sandbox.server.serving import Server
from notion_sandbox.store.storage import StateError

FACTS_FILE = "sandbox.json"
BOT_VARIABLE = "SANDBOX_BOT_TOKEN"
PERSON_VARIABLE = "SANDBOX_PERSON_TOKEN"
WEBHOOK_VARIABLE = "SANDBOX_WEBHOOK_SECRET"
_SECRETS = (
    f"Secrets are read from the environment: {BOT_VARIABLE} (the connection's token), "
    f"{PERSON_VARIABLE} (that of a person), {WEBHOOK_VARIABLE} (the verification token that signs "
    "events). Those that are not set are generated once and then kept."
)
_LAST_PORT = 65_535


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT.

    Returns the exit code: 0 after a clean stop, 1 when it could not start.
    """
    options = _parser().parse_args(arguments)
    with contextlib.ExitStack() as opened:
        try:
            listener = opened.enter_context(_listen(options.host, options.port))
            app = create_app(_config(options))
        except (StateError, ValueError) as error:
            sys.stderr.write(f"{error}\n")
            return 1
        except OSError as error:
            sys.stderr.write(
                f"Cannot listen on {options.host} port {options.port}: {error.strerror or error}.\n"
            )
            return 1
        _serve(app, listener, options)
    return 0


def _serve(app: Starlette, listener: socket.socket, options: argparse.Namespace) -> None:
    """Answer requests until a signal arrives."""
    sandbox: Sandbox = app.state.sandbox
    base_url = _base_url(options.host, listener.getsockname()[1])
    facts = _facts(base_url, sandbox)
    if options.state is None:
        kept = f"token {facts['bot_token']}, nothing is kept (see --state)"
    else:
        kept = f"tokens in {_write_facts(options.state, facts)}"
    server = Server(app)

    def stop(_number: int, _frame: FrameType | None) -> None:
        server.should_exit = True

    # For signals before uvicorn handles them itself, and after its clean stop, when it raises the
    # received one again.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    sys.stdout.write(f"Sandbox at {base_url}, root page {sandbox.root_page_id}, {kept}\n")
    sys.stdout.flush()
    server.run(sockets=[listener])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="notion-sandbox",
        description="Serve an emulated Notion API on this machine.",
        epilog=_SECRETS,
    )
    parser.add_argument("--version", action="version", version=f"notion-sandbox {__version__}")
    parser.add_argument("--port", type=int, default=8500, help="0 takes a free one (default: 8500)")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument(
        "--state", type=Path, metavar="DIR", help="folder of the stored state (default: in memory)"
    )
    parser.add_argument(
        "--bot-name", default=BOT.name, help="shown as the author of what the connection wrote"
    )
    parser.add_argument("--person-name", default=PERSON.name, help="the user of the board page")
    parser.add_argument("--requests-per-minute", type=int, default=Config.requests_per_minute)
    parser.add_argument("--latency-ms", type=float, default=Config.latency_ms)
    parser.add_argument("--aggregation-seconds", type=float, default=Config.aggregation_seconds)
    parser.add_argument(
        "--max-file-bytes",
        type=int,
        default=Config.max_file_bytes,
        help="size of an uploaded file (default: 5 MiB, as in a free workspace)",
    )
    parser.add_argument(
        "--webhook-url", help="where events are sent (default: the stored URL, if any)"
    )
    return parser


def _config(options: argparse.Namespace) -> Config:
    return Config(
        state_dir=options.state,
        accounts=(
            replace(BOT, name=options.bot_name, token=_secret(BOT_VARIABLE)),
            replace(PERSON, name=options.person_name, token=_secret(PERSON_VARIABLE)),
        ),
        requests_per_minute=options.requests_per_minute,
        latency_ms=options.latency_ms,
        aggregation_seconds=options.aggregation_seconds,
        max_file_bytes=options.max_file_bytes,
        webhook_url=options.webhook_url,
        webhook_secret=_secret(WEBHOOK_VARIABLE),
    )


def _secret(variable: str) -> str | None:
    """A secret from the environment; None without one. Every user may read arguments (`ps`)."""
    return os.environ.get(variable) or None


def _listen(host: str, port: int) -> socket.socket:
    if not 0 <= port <= _LAST_PORT:
        raise ValueError(f"The port must be from 0 to {_LAST_PORT}, not {port}.")
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    return listener


def _base_url(host: str, port: int) -> str:
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    if ":" in reachable:
        reachable = f"[{reachable}]"
    return f"http://{reachable}:{port}"


def _facts(base_url: str, sandbox: Sandbox) -> dict[str, str | None]:
    """What other programs need to use this sandbox."""
    subscription = sandbox.outbox.subscription or {}
    bot, person = sandbox.config.accounts
    return {
        "base_url": base_url,
        "bot_token": sandbox.token(bot.name),
        "person_token": sandbox.token(person.name),
        "root_page_id": sandbox.root_page_id,
        "webhook_url": subscription.get("url"),
        "webhook_secret": subscription.get("secret"),
    }


def _write_facts(folder: Path, facts: dict[str, str | None]) -> Path:
    """Write the facts for other programs, readable by the owner only."""
    path = folder / FACTS_FILE
    draft = folder / f"{FACTS_FILE}.new"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(json.dumps(facts, indent=2) + "\n")
    draft.replace(path)
    return path


if __name__ == "__main__":
    sys.exit(main())
