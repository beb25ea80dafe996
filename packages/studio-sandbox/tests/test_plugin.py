"""The pytest plugin in another test suite, and the examples of the README."""

import re
from pathlib import Path

import httpx
import pytest

from studio_sandbox import Config
from studio_sandbox.testing import StudioSandbox

# Plugins that these tests do not use, and that may take seconds to load.
SMALL = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-p", "no:asyncio")
README = (Path(__file__).parents[1] / "README.md").read_text()


def test_the_examples_of_the_readme_pass_as_they_stand(pytester: pytest.Pytester) -> None:
    [example] = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    pytester.makepyfile(example)
    pytester.runpytest_subprocess(*SMALL).assert_outcomes(passed=3)


def test_a_suite_can_choose_the_settings_of_the_sandbox(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
        import pytest
        from studio_sandbox import Config

        @pytest.fixture
        def studio_sandbox_config():
            return Config(channels=("Ours",))
        """
    )
    pytester.makepyfile(
        """
        def test_it(studio_sandbox):
            headers = {"Authorization": f"Bearer {studio_sandbox.youtube_token()}"}
            path = "/youtube/v3/channels?mine=true&part=snippet"
            [channel] = studio_sandbox.http.get(path, headers=headers).json()["items"]
            assert channel["snippet"]["title"] == "Ours"
        """
    )
    pytester.runpytest_subprocess(*SMALL).assert_outcomes(passed=1)


def test_two_sandboxes_share_nothing() -> None:
    with StudioSandbox() as one, StudioSandbox(Config()) as other:
        one.set_balance("kling", 3)
        assert one.base_url != other.base_url
        [kling] = [
            each
            for each in other.http.get("/control/accounts").json()["accounts"]
            if each["service"] == "kling"
        ]
        assert kling["balance"] is None


def test_an_error_of_a_helper_shows_the_answer(studio_sandbox: StudioSandbox) -> None:
    with pytest.raises(AssertionError, match=r"was answered 400: .*kind must be one of"):
        studio_sandbox.fault("flood")


async def test_it_serves_asynchronous_tests(studio_sandbox: StudioSandbox) -> None:
    async with httpx.AsyncClient(base_url=studio_sandbox.base_url, trust_env=False) as http:
        answer = await http.get("/control/ledger")
    assert answer.json() == {"charges": [], "usd": 0}


def test_routes_names_and_codes_of_the_readme_are_all_there_are() -> None:
    from studio_sandbox.wire.faults import CODES, KINDS, ROUTES  # noqa: PLC0415 - only here

    for name in (*KINDS, *(route for routes in ROUTES.values() for route in routes)):
        assert f"`{name}`" in README, name
    for codes in CODES.values():
        for code in codes:
            assert code in README, code
