"""Logins of channels at YouTube: made, used, revoked, and never shown."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs

import pytest
from services_kit import DROPPED, Said, scripted
from youtube_kit import KEY, LOGIN, Channel, job, maker, wanted

from models.production.making import AccountRefused, MakerError
from models.production.paid_orders import Answer

REVOKED = Said(400, {"error": "invalid_grant", "error_description": "Token was revoked."})


async def test_a_login_that_was_revoked_stops_its_channel_and_names_the_command(
    tmp_path: Path,
) -> None:
    channel = Channel(before={"POST /token": REVOKED})
    async with scripted(channel.answer) as server:
        request = wanted(tmp_path)
        found = await maker(server).submit(request, KEY)
        assert (found.answer, found.of_channel) == (Answer.REFUSED_ACCOUNT, True)
        assert "showrunner youtube connect" in found.reason
        channel.before["POST /token"] = REVOKED
        with pytest.raises(AccountRefused, match="showrunner youtube connect") as raised:
            await maker(server).poll(job(request, f"{server.url}/session/0"))
    assert raised.value.of_channel


async def test_a_wrong_program_secret_stops_every_channel(tmp_path: Path) -> None:
    channel = Channel(before={"POST /token": Said(401, {"error": "invalid_client"})})
    async with scripted(channel.answer) as server:
        found = await maker(server).submit(wanted(tmp_path), KEY)
    assert (found.answer, found.of_channel) == (Answer.REFUSED_ACCOUNT, False)
    assert "YOUTUBE_CLIENT_SECRET" in found.reason
    assert "program-secret" not in repr(found)


async def test_a_channel_that_is_not_connected_stops_alone(tmp_path: Path) -> None:
    async with scripted([DROPPED]) as server:
        found = await maker(server).submit(wanted(tmp_path, login=None), KEY)
    assert (found.answer, found.of_channel) == (Answer.REFUSED_ACCOUNT, True)
    assert server.asked == []


async def test_the_login_goes_to_no_other_host(tmp_path: Path) -> None:
    channel = Channel()
    async with scripted(channel.answer) as server, scripted([Said(404)]) as elsewhere:
        request = wanted(tmp_path)
        assert (await maker(server).poll(job(request, f"{elsewhere.url}/s"))).lost
    assert "authorization" not in elsewhere.asked[0].headers


async def test_a_token_is_asked_for_once_as_long_as_it_counts(tmp_path: Path) -> None:
    channel = Channel()
    async with scripted(channel.answer) as server:
        channel.url, request = server.url, wanted(tmp_path)
        one = maker(server)
        found = await one.submit(request, KEY)
        await one.poll(job(request, found.job_id))
        channel.before["PUT /session/0"] = Said(401, {"error": {"message": "expired"}})
        with pytest.raises(AccountRefused):
            await one.poll(job(request, found.job_id))
        await one.poll(job(request, found.job_id))
    assert [asked.path for asked in server.asked].count("/token") == 2


async def test_signing_in_brings_a_login_and_the_channels_name() -> None:
    channel = Channel()
    async with scripted(channel.answer) as server:
        address = maker(server).sign_in_address(redirect="http://x/", state="s", challenge="c")
        asked = parse_qs(address.partition("?")[2])
        assert asked["code_challenge_method"] == ["S256"]
        assert asked["access_type"] == ["offline"], "else Google gives no refresh token"
        assert "program-secret" not in address
        found = await maker(server).sign_in(code="c", redirect="http://x/", verifier="v")
    assert found.secret.get_secret_value() == "1//new"
    assert found.account == "Deep Sea"
    assert "1//new" not in repr(found)
    form = parse_qs(server.asked[0].body.decode())
    assert (form["code_verifier"], form["grant_type"]) == (["v"], ["authorization_code"])


async def test_signing_out_is_over_when_google_knows_it() -> None:
    async with scripted([Said(200, b"{}")]) as server:
        await maker(server).sign_out(LOGIN)
    assert server.asked[0].path == "/revoke"
    async with scripted([Said(400, {"error": "invalid_token"})]) as server:
        await maker(server).sign_out(LOGIN)
    async with scripted([Said(500)]) as server:
        with pytest.raises(MakerError):
            await maker(server).sign_out(LOGIN)
