"""What a process logs in a minute is bounded, and a flood of one event hides no other."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest
import structlog

from models.log_bound import MINUTE, Bounded
from models.log_bound import MOST as MOST_LOGGED
from models.logs import configure_logging

MOST = 10_000


class Time:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def written(time: Time) -> Iterator[tuple[logging.Logger, io.StringIO]]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(Bounded(MOST, time))
    logger = logging.getLogger("bounded")
    logger.addHandler(handler)
    logger.propagate = False
    yield logger, stream
    logger.removeHandler(handler)


def test_a_flood_is_cut_off_and_another_line_still_gets_through(
    written: tuple[logging.Logger, io.StringIO],
) -> None:
    logger, stream = written
    for n in range(5_000):
        logger.error("refused %s", n)
    assert len(stream.getvalue()) < MOST
    logger.error("the database is away")
    assert stream.getvalue().endswith("the database is away\n")


def test_many_kinds_of_lines_are_cut_off_together(
    written: tuple[logging.Logger, io.StringIO],
) -> None:
    logger, stream = written
    for n in range(5_000):
        logger.error("".join(("line ", str(n))))
    assert len(stream.getvalue()) <= MOST + 5_000


def test_the_next_minute_begins_by_saying_what_was_left_out(
    written: tuple[logging.Logger, io.StringIO], time: Time
) -> None:
    logger, stream = written
    for _ in range(5_000):
        logger.error("refused")
    shown = stream.getvalue().count("refused")
    time.now += MINUTE
    logger.error("again")
    logger.error("again")
    assert stream.getvalue().endswith(
        f"again ({5_000 - shown} lines were left out before)\nagain\n"
    )


def test_every_line_of_ours_goes_through_the_bound(capsys: pytest.CaptureFixture[str]) -> None:
    root, before = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers, root.level
    try:
        configure_logging(style="json")
        log = structlog.get_logger("showrunner.webhook")
        for _ in range(50_000):
            log.warning("webhook_refused", reason="signature_mismatch")
    finally:
        root.handlers = handlers
        root.setLevel(level)
        structlog.configure(**before)
    assert 0 < len(capsys.readouterr().err) < MOST_LOGGED
