"""The text of an alert: each thing is said once."""

from __future__ import annotations

import pytest
from kit.clock import NOW

from models.operations.alert_texts import message
from models.tables.incidents import Incident, IncidentKind, Level

REASON = "display_name is missing"


def about(name: str, title: str, **facts: str) -> list[str]:
    """The lines of a message about one incident."""
    incident = Incident(name=name, level=Level.ERROR, title=title, since=NOW, facts=facts, due=NOW)
    return message([incident])[1].splitlines()


@pytest.mark.parametrize(
    ("name", "title", "facts"),
    [
        (
            IncidentKind.CHANNEL_FILE.about("squid.yaml"),
            f"Channel file squid.yaml: {REASON}",
            {"file": "squid.yaml", "what is wrong": REASON},
        ),
        (IncidentKind.SAFETY_STOP, "21 cards would be marked as trashed", {"cards": "21"}),
    ],
)
def test_no_line_of_an_alert_repeats_its_title(
    name: str, title: str, facts: dict[str, str]
) -> None:
    lines = about(name, title, **facts)
    assert not [line for line in lines if line.partition(": ")[0] in facts]


def test_what_only_looks_like_a_word_of_the_title_is_said() -> None:
    assert "attempts: 2" in about("push_stopped", "21 cards wait", attempts="2")


def test_in_a_list_under_one_headline_each_incident_says_its_own_facts() -> None:
    kind = IncidentKind.CHANNEL_FILE
    files = ("squid.yaml", "whale.yaml")
    incidents = [
        Incident(
            name=kind.about(file),
            level=Level.ERROR,
            title=f"Channel file {file}: {REASON}",
            since=NOW,
            facts={"file": file, "what is wrong": REASON},
            due=NOW,
        )
        for file in files
    ]
    _, body = message(incidents)
    assert all(f"file: {file}, what is wrong: {REASON}" in body for file in files)
