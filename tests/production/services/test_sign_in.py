"""`showrunner youtube …`: a person says yes in a browser, and the login is never shown."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from conftest import Studio

from cli.commands.production import loopback, youtube
from models.errors import GiveUp
from models.production.making import MakerError
from tasks.production.pauses import pause, paused_until

YES, NO = "Sandbox channel", ""


@pytest.fixture
async def commands(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> Studio:
    """The commands, in a folder where that production runs."""

    @asynccontextmanager
    async def connected(_settings: object) -> AsyncIterator[object]:
        yield studio.own.ctx

    monkeypatch.setattr(youtube, "connected", connected)
    monkeypatch.setattr(youtube, "settings_here", lambda: None)
    monkeypatch.setattr(youtube, "on_terminal", lambda: False)
    return studio


async def in_the_browser(address: str, channel: str) -> httpx.Response:
    """A person opens the address, chooses a channel, and the browser comes back."""
    async with httpx.AsyncClient(trust_env=False) as browser:
        page = await browser.get(address)
        assert page.status_code == 200, page.text
        fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page.text))
        form = {name: value.replace("&amp;", "&") for name, value in fields.items()}
        form["channel"] = channel
        target = urlsplit(address)._replace(query="").geturl()
        answer = await browser.post(target, data=form)
        assert answer.status_code == 303
        return await browser.get(answer.headers["location"])


async def connect(capsys: pytest.CaptureFixture[str], channel: str, chosen: str = YES) -> str:
    """What the command prints, while a person chooses."""
    running = asyncio.ensure_future(youtube._connect(channel, 0))
    printed = ""
    while "http" not in printed and not running.done():
        await asyncio.sleep(0)
        printed += capsys.readouterr().out
    if not running.done():
        address = printed.strip().splitlines()[-1]
        assert "deep" not in address
        await in_the_browser(address, chosen)
    await running
    return printed + capsys.readouterr().out


async def secrets_of(studio: Studio) -> list[str]:
    return [row["secret"] for row in await studio.own.sql("SELECT secret FROM logins")]


async def test_a_channel_is_connected_by_saying_yes_once(
    commands: Studio, capsys: pytest.CaptureFixture[str]
) -> None:
    await pause(commands.own.ctx, "youtube", "It is not connected.", "deep_sea")
    printed = await connect(capsys, "deep_sea")
    assert "Films of deep_sea are published on “Sandbox channel”" in printed
    (secret,) = await secrets_of(commands)
    async with commands.own.sessions() as session:
        assert await paused_until(session, "youtube", "deep_sea") is None
    await youtube._list(as_json=False)
    await youtube._list(as_json=True)
    shown = printed + capsys.readouterr().out
    assert "Sandbox channel" in shown
    assert secret not in shown


async def test_a_channel_that_is_connected_again_has_the_newer_login(
    commands: Studio, capsys: pytest.CaptureFixture[str]
) -> None:
    await connect(capsys, "deep_sea")
    (before,) = await secrets_of(commands)
    await connect(capsys, "deep_sea", "Other")
    (after,) = await secrets_of(commands)
    assert before != after
    await youtube._list(as_json=False)
    assert "Other" in capsys.readouterr().out


async def test_saying_no_stores_nothing(
    commands: Studio, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(GiveUp, match="access_denied"):
        await connect(capsys, "deep_sea", NO)
    assert await secrets_of(commands) == []


@pytest.mark.usefixtures("commands")
async def test_a_channel_that_does_not_exist_is_not_connected() -> None:
    with pytest.raises(GiveUp, match="There is no channel “sea”; there are deep_sea"):
        await youtube._connect("sea", 0)


async def test_a_disconnected_channel_has_no_login_here_or_at_google(
    commands: Studio, capsys: pytest.CaptureFixture[str]
) -> None:
    await connect(capsys, "deep_sea")
    (secret,) = await secrets_of(commands)
    await youtube._disconnect("deep_sea")
    assert await secrets_of(commands) == []
    await commands.connect(token=secret)
    with pytest.raises(GiveUp, match="is not connected"):
        await youtube._disconnect("b")
    await youtube._disconnect("deep_sea")
    assert "is disconnected" in capsys.readouterr().out


async def test_a_wrong_program_secret_stores_nothing(
    commands: Studio, capsys: pytest.CaptureFixture[str]
) -> None:
    commands.services.fault("error", service="youtube", route="token", code="invalid_grant")
    with pytest.raises(MakerError, match="Google gave no refresh token"):
        await connect(capsys, "deep_sea")
    assert await secrets_of(commands) == []


async def test_another_pages_answer_is_not_taken() -> None:
    async with (
        loopback.redirect("mine", 0) as waiting,
        httpx.AsyncClient(trust_env=False) as browser,
    ):
        assert waiting.address.startswith("http://127.0.0.1:")
        for query in ("?state=theirs&code=x", "?code=x", ""):
            assert (await browser.get(f"{waiting.address}{query}")).status_code in {400, 404}
        assert (await browser.get(f"{waiting.address}favicon.ico?state=mine")).status_code == 404
        assert (await browser.post(f"{waiting.address}?state=mine&code=x")).status_code == 404
        page = await browser.get(f"{waiting.address}?state=mine&code=yes")
        assert page.status_code == 200
        assert await waiting.code() == "yes"


async def test_a_port_that_is_taken_is_said() -> None:
    async with loopback.redirect("mine", 0) as waiting:
        port = urlsplit(waiting.address).port
        with pytest.raises(GiveUp, match=f"Port {port} cannot be used"):
            async with loopback.redirect("mine", port or 0):
                pass


def test_what_a_person_agrees_to_is_no_more_than_is_needed(studio: Studio) -> None:
    maker = studio.own.makers["youtube"]
    address = maker.sign_in_address(redirect="http://127.0.0.1:1/", state="s", challenge="c")
    asked = dict(parse_qsl(urlsplit(address).query))
    assert [scope.rsplit("/", 1)[-1] for scope in asked["scope"].split()] == [
        "youtube.upload",
        "youtube.readonly",
    ]
