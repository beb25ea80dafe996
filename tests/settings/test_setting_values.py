"""Every setting: which spellings are accepted, and which are refused with a clear message."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, MutableMapping
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from models import settings as module
from models.errors import SettingsError
from models.settings import Settings, load_settings

ID = "0123456789abcdef0123456789abcdef"
GOOD = {
    "NOTION_API_TOKEN": "ntn_abc",
    "NOTION_DATABASE_ID": ID,
    "NOTION_DATA_SOURCE": "Videos of ours",
    "NOTION_BASE_URL": "http://127.0.0.1:8500",
    "NOTION_REQUESTS_PER_SECOND": "2.5",
    "NOTION_TIMEOUT_SECONDS": "20",
    "NOTION_WEBHOOK_SECRET": "secret_a",
    "NOTION_WEBHOOK_SECRET_PREVIOUS": "secret_b",
    "NOTION_WEBHOOK_ENROLMENT": "true",
    "AUTOMATION_WEBHOOK_SECRET": "four words of ours",
    "DATABASE_URL": "postgresql://me:pw@host/name",
    "DATABASE_POOL_SIZE": "5",
    "CHANNEL_CONFIGS": "my channels",
    "STATE_DIR": "/var/lib/showrunner",
    "PRODUCTION_DIR": "/var/lib/showrunner/films",
    "PRODUCTION_DAILY_BUDGET": "25",
    "PREFECT_API_URL": "http://prefect:4200/api",
    "PREFECT_API_AUTH_STRING": "me:pw",
    "PREFECT_PORT": "4300",
    "SANDBOX_PORT": "8700",
    "STUDIO_PORT": "8950",
    "RECEIVER_HOST": "0.0.0.0",
    "RECEIVER_PORT": "8800",
    "WORKER_API_HOST": "0.0.0.0",
    "WORKER_API_PORT": "8900",
    "ALERT_URLS": "slack://a/b",
    "PRODUCTION_WORK_POOLS": "assembly=heavy",
    "RETENTION_EVENTS_DAYS": "7",
    "RETENTION_HISTORY_DAYS": "30",
    "RETENTION_IDLE_RUNS_HOURS": "2",
    "RETENTION_RUNS_DAYS": "3",
    "RETENTION_PREFECT_EVENTS_HOURS": "4",
    "LOG_LEVEL": "ERROR",
    "LOG_FORMAT": "json",
}
"""A value of each setting that is not its default."""
NUMBERS = [
    name
    for name in GOOD
    if name.startswith("RETENTION_") or name.endswith(("_PORT", "_SIZE", "_SECOND"))
]
PORTS = [name for name in GOOD if name.endswith("_PORT")]


@pytest.fixture(autouse=True)
def nothing_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No `.env` and no variable of ours: each test sets what it is about."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "_warned", set(), raising=False)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def logs() -> Iterator[list[MutableMapping[str, Any]]]:
    """Every log line of the test, whatever the other tests let through."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG))
    with capture_logs() as lines:
        yield lines
    structlog.configure(**before)


def put(monkeypatch: pytest.MonkeyPatch, values: Mapping[str, str]) -> None:
    for name, value in values.items():
        monkeypatch.setenv(name, value)


def refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> str:
    """What is said about it."""
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    said = str(caught.value)
    assert said.startswith(f"Settings are wrong: {name}: ")
    assert "\n" not in said
    assert "Value error" not in said
    return said


def test_every_setting_has_a_good_value_here() -> None:
    assert sorted(GOOD) == sorted(name.upper() for name in Settings.model_fields)


@pytest.mark.parametrize(
    "around", ["{}\n", "  {}\r\n", '"{}"', "'{}'", "“{}”", " ' {} ' ", "\ufeff{}\u200b"], ids=ascii
)
def test_blanks_line_ends_and_quotes_around_a_value_are_not_part_of_it(
    monkeypatch: pytest.MonkeyPatch, around: str
) -> None:
    put(monkeypatch, GOOD)
    plain = load_settings()
    assert {
        name
        for name, field in Settings.model_fields.items()
        if getattr(plain, name) == field.default
    } == set()
    put(monkeypatch, {name: around.format(value) for name, value in GOOD.items()})
    assert load_settings() == plain


@pytest.mark.parametrize("blank", ["", " ", "\n", '""', "' '", "\u200b"], ids=ascii)
def test_a_blank_value_counts_as_not_set(monkeypatch: pytest.MonkeyPatch, blank: str) -> None:
    put(monkeypatch, dict.fromkeys(GOOD, blank))
    settings = load_settings()
    assert settings.model_fields_set == set()
    assert {name: getattr(settings, name) for name in Settings.model_fields} == {
        name: field.default for name, field in Settings.model_fields.items()
    }


@pytest.mark.parametrize("value", ["many", "-1", "0", "9" * 40, "1e400", "nan", "12 3", "1,000"])
def test_a_number_that_cannot_be_meant_is_refused(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    put(monkeypatch, dict.fromkeys(NUMBERS, value))
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert [name for name in NUMBERS if f"{name}: Input should be" not in str(caught.value)] == []


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("NOTION_API_TOKEN", "ntn_abc def", "holds a blank or a line break"),
        ("NOTION_API_TOKEN", "ntn_abc\nntn_def", "holds a blank or a line break"),
        ("NOTION_API_TOKEN", "ntn_äbc", "beyond ASCII"),
        ("NOTION_API_TOKEN", "ntn_\x07", "control character"),
        ("NOTION_WEBHOOK_SECRET", "secret_a secret_b", "holds a blank or a line break"),
        ("NOTION_WEBHOOK_SECRET_PREVIOUS", "secret\ta", "holds a blank or a line break"),
        ("AUTOMATION_WEBHOOK_SECRET", "one\ntwo", "line break or another control character"),
        ("AUTOMATION_WEBHOOK_SECRET", "geheim-ß", "beyond ASCII"),
        ("NOTION_DATABASE_ID", "my board", "neither the link of a Notion database nor an id"),
        ("NOTION_DATABASE_ID", "https://www.notion.so/team/Our-board", "neither the link"),
        ("NOTION_DATABASE_ID", ID[:31], "neither the link"),
        ("NOTION_DATABASE_ID", f"{ID}0", "neither the link"),
        ("NOTION_DATABASE_ID", f"https://www.notion.so/team/board?v={ID}", "neither the link"),
        ("NOTION_DATA_SOURCE", "Vid\neos", "line break"),
        ("NOTION_BASE_URL", "api.notion.com", "no web address"),
        ("NOTION_BASE_URL", "https:///v1", "no web address"),
        ("PREFECT_API_URL", "prefect:4200/api", "no web address"),
        ("PREFECT_API_URL", "http://prefect:port/api", "no web address"),
        ("PREFECT_API_URL", "http://prefect:99999/api", "no web address"),
        ("PREFECT_API_URL", "http://pre fect/api", "holds a blank"),
        ("DATABASE_URL", "postgresql://host/\nname", "line break"),
        ("PREFECT_API_AUTH_STRING", "me:\npw", "line break"),
        ("CHANNEL_CONFIGS", "chan\nnels", "line break"),
        ("STATE_DIR", "~nobody_of_that_name/x", "no such user"),
        ("RECEIVER_HOST", "0.0.0.0:8600", "the port has a variable"),
        ("RECEIVER_HOST", "http://0.0.0.0", "the port has a variable"),
        ("NOTION_TIMEOUT_SECONDS", "-5", "greater than 0"),
        ("NOTION_TIMEOUT_SECONDS", "1e9", "less than or equal to 300"),
        ("NOTION_WEBHOOK_ENROLMENT", "perhaps", "valid boolean"),
        ("LOG_LEVEL", "LOUD", "'DEBUG', 'INFO', 'WARNING' or 'ERROR'"),
        ("LOG_FORMAT", "xml", "'auto', 'json' or 'console'"),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused_with_what_is_wrong_and_is_not_repeated(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, reason: str
) -> None:
    said = refused(monkeypatch, name, value)
    assert reason in said
    assert value not in said


@pytest.mark.parametrize(
    ("name", "written", "meant"),
    [
        ("LOG_LEVEL", "info", "INFO"),
        ("LOG_LEVEL", "Warn", "WARNING"),
        ("LOG_FORMAT", "JSON", "json"),
        ("RECEIVER_HOST", "[::1]", "::1"),
        ("NOTION_BASE_URL", "https://api.notion.com/", "https://api.notion.com"),
        ("NOTION_BASE_URL", "https://api.notion.com/v1/", "https://api.notion.com"),
        ("PREFECT_API_URL", "http://prefect:4200/api/", "http://prefect:4200/api"),
        ("NOTION_DATABASE_ID", f"Our-board-{ID}", ID),
        ("NOTION_DATABASE_ID", f"https://www.notion.so/{ID}?v={'f' * 32}&p={'e' * 32}", ID),
        ("NOTION_DATABASE_ID", f"notion://www.notion.so/team/Board-{ID.upper()}?pvs=4", ID),
        ("NOTION_DATABASE_ID", f"collection://{ID}", ID),
        ("STATE_DIR", "~/show", Path("~/show").expanduser()),
    ],
)
def test_what_was_meant_is_read(
    monkeypatch: pytest.MonkeyPatch, name: str, written: str, meant: object
) -> None:
    monkeypatch.setenv(name, written)
    assert getattr(load_settings(), name.lower()) == meant


@pytest.mark.parametrize("name", PORTS)
def test_what_kubernetes_makes_of_a_service_is_no_port_of_ours_and_is_logged_once(
    monkeypatch: pytest.MonkeyPatch, logs: list[MutableMapping[str, Any]], name: str
) -> None:
    monkeypatch.setenv(name, "tcp://10.0.0.5:4200")
    settings = [load_settings(), load_settings()]
    assert settings == [Settings(), Settings()]
    assert [(line["event"], line["setting"]) for line in logs] == [("setting_ignored", name)]
