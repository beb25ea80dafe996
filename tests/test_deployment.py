"""Deployment page, compose file and image agree, as far as can be checked without Docker."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks.two_hosts.stack import BALANCING
from cli.main import app
from flows.runtime.warm_worker import _CANCEL_SECONDS, GRACE_SECONDS
from flows.server.prefect_settings import client_environment
from models.settings import FILES, Settings

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/deployment.md").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())


def test_every_path_that_the_page_links_to_exists() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", PAGE)
    assert links
    assert [link for link in links if not (ROOT / "docs" / link).exists()] == []


def test_the_image_is_built_from_all_that_the_wheel_holds() -> None:
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"][
        "targets"
    ]["wheel"]
    let_in = {
        line[1:]
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    others = {
        "requirements.txt",
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "packages/notion-sandbox",
    }
    assert {*wheel["packages"], *wheel["force-include"]} | others == let_in


def test_every_command_of_ours_that_is_named_exists() -> None:
    known = {
        str(each.name or getattr(each.callback, "__name__", "")) for each in app.registered_commands
    }
    named = re.findall(
        r"\bshowrunner ([a-z][a-z-]+)", PAGE + str(COMPOSE) + (ROOT / "Dockerfile").read_text()
    )
    assert {"migrate", "deploy", "prefect-server"} <= set(named) <= known


def test_receivers_are_balanced_as_the_benchmark_tried_it() -> None:
    tried = {
        line.strip()
        for line in BALANCING.splitlines()
        if re.match(r"\s+(retr|option|balance|timeout)", line)
    }
    assert len(tried) > 6
    for where in (PAGE, COMPOSE["configs"]["balancing"]["content"]):
        assert tried - {line.strip() for line in where.splitlines()} == set()


def test_an_ordinary_worker_is_told_what_the_warm_one_knows() -> None:
    ours = client_environment("http://prefect:4200/api")
    in_file = dict(
        re.findall(r"`(PREFECT_[A-Z_]+)=([^`]+)`", PAGE.partition("# An ordinary work pool")[2])
    )
    assert in_file
    assert {name: ours[name] for name in in_file} == in_file
    assert "PREFECT_LOGGING_CONFIG_PATH" in ours


def test_whoever_stops_a_worker_allows_it_its_time() -> None:
    seconds = GRACE_SECONDS + 2 * _CANCEL_SECONDS
    assert int(COMPOSE["services"]["worker"]["stop_grace_period"].removesuffix("s")) >= seconds
    [in_kubernetes] = re.findall(r"terminationGracePeriodSeconds: (\d+) +# 30 s for runs", PAGE)
    assert int(in_kubernetes) >= seconds


OURS = [
    name for name, service in COMPOSE["services"].items() if service.get("image") == "showrunner"
]
OF_CONTAINERS = {
    *("channel_configs", "database_url", "receiver_host", "receiver_port", "log_format"),
    *("prefect_api_auth_string", "prefect_api_url", "prefect_port", "state_dir"),
}
"""Settings that are the containers' own: another value would part them from each other or from
their volumes."""


@pytest.mark.parametrize("service", OURS)
def test_every_setting_of_both_files_reaches_every_part_but_for_the_containers_own(
    service: str,
) -> None:
    files = [
        each if isinstance(each, str) else each["path"]
        for each in COMPOSE["services"][service]["env_file"]
    ]
    assert files == list(FILES), "the later one wins, as it does without containers"
    fixed = COMPOSE["services"][service]["environment"]
    assert {
        name.lower() for name in fixed if name.lower() in Settings.model_fields
    } == OF_CONTAINERS


@pytest.mark.parametrize("service", OURS)
def test_a_copied_example_does_not_cut_the_containers_off(service: str) -> None:
    listed = re.findall(r"^([A-Z_]+)=(.+)$", (ROOT / ".env.example").read_text(), re.MULTILINE)
    seen = dict(listed) | COMPOSE["services"][service]["environment"]
    assert (seen["RECEIVER_HOST"], seen["RECEIVER_PORT"], seen["PREFECT_PORT"]) == (
        "0.0.0.0",
        "8600",
        "4200",
    )
    [(_, mounted)] = [volume.split(":")[:2] for volume in COMPOSE["x-showrunner"]["volumes"]]
    assert seen["CHANNEL_CONFIGS"] == mounted
