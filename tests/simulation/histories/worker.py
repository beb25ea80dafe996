"""A process that runs histories: reads a seed per line, writes a JSON result per line.

`crew.py` starts it. `--source` names the product's folder: for mutants, a copy with a fault.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import logging
import os
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any, TextIO

TESTS = Path(__file__).resolve().parents[2]
ROOT = TESTS.parent
HISTORIES = {"board": "simulation.histories.history", "studio": "simulation.studio.history"}
"""By the kind of a history: the module that lives it. Only one of them needs the makers."""
MAKERS = "packages/showrunner-makers/src"


def main() -> None:
    """Answer until the input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", required=True)
    parser.add_argument("--source", type=Path, default=ROOT)
    given = parser.parse_args()
    sys.path[:0] = [str(given.source), str(given.source / MAKERS), str(TESTS)]
    # Whatever else prints must not come between the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    asyncio.run(_answer(given.database, given.source, answers))


async def _answer(database: str, source: Path, answers: TextIO) -> None:
    import structlog  # noqa: PLC0415
    from sqlalchemy import make_url  # noqa: PLC0415

    import tasks  # noqa: PLC0415
    from simulation.world.databases import emptied, prepared  # noqa: PLC0415

    assert Path(tasks.__file__).is_relative_to(source), (
        f"the product comes from {tasks.__file__}, not from {source}"
    )
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    # Of a process that was killed, the pool says that a connection could not be reset.
    logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL + 1)
    gc.freeze()
    async with prepared(make_url(database)) as databases:
        for line in sys.stdin:
            asked: dict[str, Any] = json.loads(line)
            began = time.monotonic()
            await emptied(databases)
            live = import_module(HISTORIES[asked["kind"]]).live
            lived = await live(databases, asked["seed"], asked["steps"], asked["often"])
            lived.seconds = time.monotonic() - began
            kept = [*lived.trail, *lived.facts] if asked["trail"] else []
            answer = {**vars(lived), "digest": lived.digest(), "trail": kept}
            del answer["facts"]
            answers.write(json.dumps(answer) + "\n")
            answers.flush()


if __name__ == "__main__":
    main()
