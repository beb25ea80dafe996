"""The command `studio-sandbox`: serve the emulated services over HTTP until a signal stops it.

`python -m studio_sandbox` is the same.
"""

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from studio_sandbox import __version__
from studio_sandbox.config import Config
from studio_sandbox.errors import DataError
from studio_sandbox.server.app import create_app
from studio_sandbox.server.serving import listen, server

_LAST_PORT = 65_535


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT.

    Returns the exit code: 0 after a clean stop, 1 when it could not start.
    """
    options = _parser().parse_args(arguments)
    if not 0 <= options.port <= _LAST_PORT:
        sys.stderr.write(f"The port must be from 0 to {_LAST_PORT}, not {options.port}.\n")
        return 1
    try:
        listener = listen(options.host, options.port)
    except OSError as error:
        place = f"{options.host} port {options.port}"
        sys.stderr.write(f"Cannot listen on {place}: {error.strerror or error}.\n")
        return 1
    with listener:
        try:
            app = create_app(_config(options))
        except (DataError, ValueError) as error:
            sys.stderr.write(f"{error}\n")
            return 1
        web = server(app)

        def stop(_number: int, _frame: FrameType | None) -> None:
            web.should_exit = True

        # For signals before uvicorn handles them itself, and after its clean stop, when it raises
        # the received one again.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)
        kept = f"kept in {options.data}" if options.data else "nothing is kept (see --data)"
        port = listener.getsockname()[1]
        sys.stdout.write(f"Studio sandbox at http://{options.host}:{port}, {kept}\n")
        sys.stdout.flush()
        web.run(sockets=[listener])
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="studio-sandbox",
        description="Serve emulated Gemini, Kling, ElevenLabs and YouTube on this machine.",
    )
    parser.add_argument("--version", action="version", version=f"studio-sandbox {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="serve until Ctrl-C")
    serve.add_argument("--port", type=int, default=8700, help="0 takes a free one (default: 8700)")
    serve.add_argument("--host", default="127.0.0.1")
    serve.add_argument(
        "--data", type=Path, metavar="FILE", help="journal of the state (default: nothing is kept)"
    )
    serve.add_argument(
        "--channel",
        action="append",
        help="title of a YouTube channel; may be given several times",
    )
    serve.add_argument(
        "--job-seconds",
        type=float,
        default=Config.kling_job_seconds,
        help="how long Kling takes for a clip (default: %(default)g)",
    )
    return parser


def _config(options: argparse.Namespace) -> Config:
    return Config(
        data=options.data,
        channels=tuple(options.channel or Config.channels),
        kling_queue_seconds=min(Config.kling_queue_seconds, options.job_seconds),
        kling_job_seconds=options.job_seconds,
    )


if __name__ == "__main__":
    sys.exit(main())
