"""The pytest plugin in another test suite, and the examples of the README."""

import re
from pathlib import Path

import httpx
import pytest

from notion_sandbox import Config
from notion_sandbox.testing import FOR_TESTS, SandboxServer

# Plugins that these tests do not use, and that may take seconds to load.
SMALL = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-p", "no:asyncio")
README = (Path(__file__).parents[2] / "README.md").read_text()


def test_the_examples_of_the_readme_pass_as_they_stand(pytester: pytest.Pytester) -> None:
    [example] = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    pytester.makepyfile(example)
    pytester.runpytest_subprocess(*SMALL).assert_outcomes(passed=3)


def test_a_suite_can_choose_the_settings_of_the_sandbox(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
        import pytest
        from notion_sandbox import Config

        @pytest.fixture
        def notion_sandbox_config():
            return Config(requests_per_minute=1, workspace_name="Ours")
        """
    )
    pytester.makepyfile(
        """
        import pytest

        def test_it(notion_sandbox):
            me = notion_sandbox.request("GET", "/v1/users/me")
            assert me["bot"]["workspace_name"] == "Ours"
            with pytest.raises(AssertionError, match="answered 429"):
                notion_sandbox.request("GET", "/v1/users/me")
        """
    )
    pytester.runpytest_subprocess(*SMALL).assert_outcomes(passed=1)


def test_two_tests_share_nothing(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.parametrize("time", [1, 2])
        def test_it(notion_sandbox, time):
            assert notion_sandbox.requests() == []
            notion_sandbox.make_database("Films")
            found = notion_sandbox.request("POST", "/v1/search", {})["results"]
            assert len([item for item in found if item["object"] == "data_source"]) == 1
        """
    )
    pytester.runpytest_subprocess(*SMALL).assert_outcomes(passed=2)


async def test_it_serves_asynchronous_tests(notion_sandbox: SandboxServer) -> None:
    headers = {
        "Authorization": f"Bearer {notion_sandbox.token}",
        "Notion-Version": "2026-03-11",
    }
    client = httpx.AsyncClient(base_url=notion_sandbox.base_url, headers=headers, trust_env=False)
    async with client as http:
        answer = await http.get(f"/v1/pages/{notion_sandbox.root_page_id}")
    assert answer.json()["object"] == "page"


def test_time_can_pass(notion_sandbox: SandboxServer) -> None:
    webhooks = notion_sandbox.receive_webhooks()
    made = notion_sandbox.request("POST", "/v1/file_uploads", {"filename": "cat.png"})
    notion_sandbox.advance(hours=1)
    assert webhooks.wait_for("file_upload.expired")["entity"]["id"] == made["id"]


def test_a_fault_lasts_until_it_is_cleared(notion_sandbox: SandboxServer) -> None:
    notion_sandbox.fault(500, times=None, path="/v1/users")
    with pytest.raises(AssertionError, match="was answered 500"):
        notion_sandbox.request("GET", "/v1/users/me")
    notion_sandbox.clear_faults()
    assert notion_sandbox.request("GET", "/v1/users/me")["type"] == "bot"


def test_a_webhook_that_does_not_come_fails_with_what_came(notion_sandbox: SandboxServer) -> None:
    webhooks = notion_sandbox.receive_webhooks()
    with pytest.raises(AssertionError, match=r"No page\.moved came within 0 seconds, only \[\]"):
        webhooks.wait_for("page.moved", seconds=0)
    answer = httpx.post(webhooks.url, json={"type": "page.moved"}, trust_env=False)
    assert (answer.status_code, webhooks.events) == (401, [])


def test_it_serves_other_test_runners_too() -> None:
    with SandboxServer(Config(max_file_bytes=7)) as sandbox:
        limits = sandbox.request("GET", "/v1/users/me")["bot"]["workspace_limits"]
        assert limits == {"max_file_upload_size_in_bytes": 7}
        assert sandbox.make_database("Films", under=sandbox.root_page_id).answer["title"]
    with pytest.raises(httpx.ConnectError):
        httpx.get(sandbox.base_url, trust_env=False)
    assert FOR_TESTS.aggregation_seconds == 0
