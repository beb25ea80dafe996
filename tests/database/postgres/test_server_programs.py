"""Which of PostgreSQL's client programs are taken for a server."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.errors import SettingsError
from models.postgres.server_programs import Programs, programs_for


@pytest.mark.parametrize(
    ("version", "server", "fit"),
    [
        (15, 15, True),
        (15, 16, False),
        (16, 13, True),
        (18, 17, True),
        (18, 16, False),
        (16, 16, True),
        (18, 18, True),
    ],
)
def test_programs_fit_a_server_that_they_can_dump_and_fill_again(
    version: int, server: int, *, fit: bool
) -> None:
    assert Programs(version=version, folder=Path()).fit(server) is fit


def test_programs_without_tls_are_not_taken_where_it_is_required(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert [each.version for each in programs_for(16)] == [16]
    assert [each.version for each in programs_for(17)] == [18]
    with pytest.raises(
        SettingsError, match="fit PostgreSQL 16 over TLS: install its client programs"
    ):
        programs_for(16, encrypted=True)
