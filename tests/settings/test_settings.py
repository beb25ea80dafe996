"""Settings: what is read, what is refused, and that a secret never shows."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from models.errors import SettingsError
from models.settings import Settings, load_settings

ID = "0123456789abcdef0123456789abcdef"


@pytest.fixture(autouse=True)
def nothing_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No `.env` and no variable of ours: each test sets what it is about."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RECEIVER_PORT", "eighty"),
        ("RECEIVER_PORT", "70000"),
        ("DATABASE_POOL_SIZE", "-7"),
        ("NOTION_REQUESTS_PER_SECOND", "-7"),
        ("NOTION_TIMEOUT_SECONDS", "never"),
        ("LOG_LEVEL", "LOUD"),
        ("LOG_FORMAT", "xml"),
        ("DATABASE_URL", "mysql://me:s3cret@host/name"),
        ("NOTION_WEBHOOK_ENROLMENT", "perhaps"),
        ("NOTION_DATABASE_ID", "https://www.notion.so/team/Our-board"),
    ],
)
def test_a_wrong_setting_is_named_and_its_value_is_not(
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: str,
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert f"{name}: " in str(caught.value)
    assert value not in str(caught.value)
    assert caught.value.__cause__ is None


def test_every_wrong_setting_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECEIVER_PORT", "x")
    monkeypatch.setenv("LOG_LEVEL", "x")
    with pytest.raises(SettingsError, match=r"RECEIVER_PORT: .*LOG_LEVEL: "):
        load_settings()


@pytest.mark.parametrize(
    "written",
    [
        pytest.param(ID, id="the-id"),
        pytest.param(f"https://www.notion.so/{ID}", id="bare-address"),
        pytest.param(
            f"https://www.notion.so/team/{ID}?v=fedcba9876543210fedcba9876543210", id="with-a-view"
        ),
        pytest.param(
            f"https://www.notion.so/team/Our-video-board-{ID}?v=1&pvs=4#x", id="with-the-title"
        ),
        pytest.param(f"https://www.notion.so/team/{ID}/", id="with-a-slash"),
        pytest.param(
            "https://www.notion.so/team/01234567-89ab-cdef-0123-456789abcdef", id="with-dashes"
        ),
    ],
)
def test_the_board_is_named_by_id_or_by_its_address(written: str) -> None:
    assert load_settings(notion_database_id=written).notion_database_id == ID


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "NOTION_API_TOKEN",
        "DATABASE_URL",
        "RECEIVER_PORT",
        "ALERT_URLS",
        "PREFECT_API_URL",
    ):
        monkeypatch.setenv(name, "")
    settings = load_settings()
    assert (settings.notion_api_token, settings.database_url, settings.prefect_api_url) == (
        None,
        None,
        None,
    )
    assert (settings.receiver_port, settings.alert_urls) == (8600, ())


def test_settings_are_read_from_the_environment_before_the_file(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / ".env").write_text("RECEIVER_PORT=1111\nSANDBOX_PORT=2222\nSOMETHING_ELSE=3\n")
    monkeypatch.setenv("RECEIVER_PORT", "3333")
    assert (load_settings().receiver_port, load_settings().sandbox_port) == (3333, 2222)


def test_an_override_counts_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://one/api")
    assert load_settings().prefect_api_url == "http://one/api"
    assert load_settings(prefect_api_url="http://two/api").prefect_api_url == "http://two/api"


@pytest.mark.parametrize(
    ("written", "urls"),
    [
        ("slack://a/b", ("slack://a/b",)),
        ("slack://a/b,discord://c/d", ("slack://a/b", "discord://c/d")),
        (
            "  slack://a/b ,\n discord://c/d  mailto://e ",
            ("slack://a/b", "discord://c/d", "mailto://e"),
        ),
        (" , ", ()),
        ("mailto://me:pw@host?to=a@x.org,b@y.org", ("mailto://me:pw@host?to=a@x.org,b@y.org",)),
        ("mailto://h?to=a@x,b@y,slack://a/b", ("mailto://h?to=a@x,b@y", "slack://a/b")),
        ("mailto://h?to=a@x, b@y slack://a/b", ("mailto://h?to=a@x,b@y", "slack://a/b")),
        ("slack://a/b\ntgram://t/1,2,3,", ("slack://a/b", "tgram://t/1,2,3")),
    ],
)
def test_alert_urls_are_separated_by_blanks_or_commas_and_no_receiver_is_lost(
    monkeypatch: pytest.MonkeyPatch,
    written: str,
    urls: tuple[str, ...],
) -> None:
    monkeypatch.setenv("ALERT_URLS", written)
    assert load_settings().alert_urls == urls


def test_what_stands_beside_an_alert_url_without_a_scheme_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ALERT_URLS", "slack://a/b s3cret")
    with pytest.raises(SettingsError, match=r"ALERT_URLS: an address begins with") as caught:
        load_settings()
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "name",
    [
        "NOTION_API_TOKEN",
        "NOTION_WEBHOOK_SECRET",
        "NOTION_WEBHOOK_SECRET_PREVIOUS",
        "AUTOMATION_WEBHOOK_SECRET",
        "PREFECT_API_AUTH_STRING",
        "DATABASE_URL",
        "ALERT_URLS",
    ],
)
def test_a_secret_shows_in_no_text_about_the_settings(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "postgresql://me:s3cret@host/name")
    settings = load_settings()
    assert "s3cret" not in f"{settings} {settings!r}"
    monkeypatch.setenv("RECEIVER_PORT", "x")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert "s3cret" not in f"{caught.value} {caught.value!r}"


def test_the_local_file_wins_over_the_other_and_the_environment_over_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("RECEIVER_PORT=1111\nSANDBOX_PORT=2222\nPREFECT_PORT=3333\n")
    (tmp_path / ".env.local").write_text("SANDBOX_PORT=4444\nPREFECT_PORT=5555\nRECEIVER_PORT=\n")
    monkeypatch.setenv("PREFECT_PORT", "6666")
    settings = load_settings()
    assert (settings.receiver_port, settings.sandbox_port, settings.prefect_port) == (
        1111,
        4444,
        6666,
    )


def test_settings_that_are_made_without_the_environment_repeat_no_secret_either() -> None:
    """What `up` and the commands do; pydantic repeats what it was given."""
    with pytest.raises(ValidationError) as caught:
        Settings(
            _env_file=None,
            notion_api_token="s3cret token",
            alert_urls="s3cret",
            receiver_port=99_999,
        )  # type: ignore[call-arg, arg-type]
    assert "s3cret" not in f"{caught.value} {caught.value!r}"


@pytest.mark.parametrize("name", ["PREFECT_API_URL", "NOTION_BASE_URL"])
def test_an_address_with_a_login_is_refused_for_addresses_are_printed(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "http://me:s3cret@host:4200/api")
    with pytest.raises(SettingsError, match=name) as caught:
        load_settings()
    assert "s3cret" not in str(caught.value)


def test_a_step_is_sent_to_another_work_pool() -> None:
    given = Settings(_env_file=None, production_work_pools="'assembly=heavy upload=net'")
    assert given.production_work_pools == (("assembly", "heavy"), ("upload", "net"))
    assert hash(given), "connections are shared by settings"


@pytest.mark.parametrize("wrong", ["heavy", "assembly=", "=heavy"])
def test_a_work_pool_that_no_step_can_use_is_refused(wrong: str) -> None:
    with pytest.raises(ValidationError, match="production_work_pools"):
        Settings(_env_file=None, production_work_pools=wrong)
