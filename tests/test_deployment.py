"""What the deployment page, the compose file and the image say is so, as far as it can be told without an engine."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import yaml

from benchmarks.two_hosts_stack import BALANCING
from cli.main import app
from flows.environment import client_environment
from flows.warm_worker import _LAST_WORDS, GRACE_SECONDS
from models.settings import Settings

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/deployment.md").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())


def test_every_path_that_the_page_links_to_exists() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", PAGE)
    assert links
    assert [link for link in links if not (ROOT / "docs" / link).exists()] == []


def test_the_image_is_built_from_all_that_the_wheel_holds() -> None:
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    beside = {"constraints.txt", "pyproject.toml", "README.md", "packages/notion-sandbox"}
    assert {*wheel["packages"], *wheel["force-include"], *beside} == let_in


def test_every_command_of_ours_that_is_named_exists() -> None:
    known = {str(each.name or getattr(each.callback, "__name__", "")) for each in app.registered_commands}
    named = re.findall(r"\bshowrunner ([a-z][a-z-]+)", PAGE + str(COMPOSE) + (ROOT / "Dockerfile").read_text())
    assert {"migrate", "deploy", "prefect-server"} <= set(named) <= known


def test_doors_are_balanced_as_the_benchmark_tried_it() -> None:
    tried = {line.strip() for line in BALANCING.splitlines() if re.match(r"\s+(retr|option|balance|timeout)", line)}
    assert len(tried) > 6
    for where in (PAGE, COMPOSE["configs"]["balancing"]["content"]):
        assert tried - {line.strip() for line in where.splitlines()} == set()


def test_an_ordinary_worker_is_told_what_the_warm_one_knows() -> None:
    ours = client_environment("http://prefect:4200/api")
    told = dict(re.findall(r"`(PREFECT_[A-Z_]+)=([^`]+)`", PAGE.partition("# An ordinary work pool")[2]))
    assert told
    assert {name: ours[name] for name in told} == told
    assert "PREFECT_LOGGING_CONFIG_PATH" in ours


def test_whoever_stops_a_worker_allows_it_its_time() -> None:
    seconds = GRACE_SECONDS + 2 * _LAST_WORDS
    assert int(COMPOSE["services"]["worker"]["stop_grace_period"].removesuffix("s")) >= seconds
    [in_kubernetes] = re.findall(r"terminationGracePeriodSeconds: (\d+) +# 30 s for runs", PAGE)
    assert int(in_kubernetes) >= seconds


def test_the_compose_file_passes_on_settings_that_exist() -> None:
    passed = COMPOSE["services"]["worker"]["environment"]
    assert {name.lower() for name in passed} <= set(Settings.model_fields)
