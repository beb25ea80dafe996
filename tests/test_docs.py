"""What is written is so: settings, commands and paths in the documents exist; nothing of this machine is in them."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from cli.main import app
from cli.stack.sandbox_board import _CARDS
from models.rules.statuses import BoardStatus
from models.settings import Settings

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def test_env_example_lists_exactly_the_settings_that_exist() -> None:
    listed = re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    assert sorted(listed) == sorted(name.upper() for name in Settings.model_fields)


def test_env_example_loads_as_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    copied = Settings(_env_file=ROOT / ".env.example")
    assert copied == Settings(_env_file=None)


@pytest.mark.parametrize(
    "name", [name for name in Settings.model_fields if name.startswith("retention_")]
)
def test_the_readme_says_how_long_each_thing_is_kept(name: str) -> None:
    kept, unit = Settings.model_fields[name].default, name.rpartition("_")[2]
    [row] = [
        line for line in README.splitlines() if line.startswith("|") and f"`{name.upper()}`" in line
    ]
    assert f"| {kept} {unit if kept > 1 else unit.removesuffix('s')} |" in row


def test_the_readmes_first_move_works_for_whoever_follows_it() -> None:
    [(meant, column)] = re.findall(
        '^showrunner task move "?([^"]+?)"? "([^"]+)"', README, re.MULTILINE
    )
    assert column in set(BoardStatus)
    assert len([title for title, *_ in _CARDS if title.startswith(meant)]) == 1
    assert f"“{meant}" in README


def test_every_path_that_the_readme_links_to_exists() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_picture_is_small_used_and_told_to_those_who_do_not_see_it() -> None:
    shown = {path: words for words, path in re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", README)}
    pictures = {
        path.relative_to(ROOT).as_posix(): path.stat().st_size
        for path in (ROOT / "docs/pictures").iterdir()
    }
    assert set(shown) == set(pictures)
    assert [path for path, words in shown.items() if len(words) < 30] == []
    assert [path for path, size in pictures.items() if size > 150_000] == []


def commands() -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = [
        (str(c.name or c.callback.__name__),) for c in app.registered_commands if c.callback
    ]
    for group in app.registered_groups:
        assert group.typer_instance is not None
        for c in group.typer_instance.registered_commands:
            assert c.callback is not None
            found.append((str(group.name), str(c.name or c.callback.__name__)))
    return found


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_every_command_has_help_and_is_in_the_readme(command: tuple[str, ...]) -> None:
    answer = CliRunner().invoke(app, [*command, "--help"])
    assert answer.exit_code == 0
    assert f"showrunner {' '.join(command)}" in README


def test_every_make_target_that_the_readme_names_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:`|^)make ([a-z]+)", README, re.MULTILINE)) <= targets


def test_every_deployment_names_a_flow_that_loads() -> None:
    declared = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    assert {d["name"] for d in declared} == {
        "push",
        "ingest",
        "import-board",
        "check-board",
        "retention",
    }
    for deployment in declared:
        module, function = deployment["entrypoint"].split(":")
        assert callable(getattr(__import__(module, fromlist=[function]), function))


def test_every_installed_package_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["dev"]
    names = {re.split(r"[\[<>=]", line, maxsplit=1)[0].lower().replace("_", "-") for line in wanted}
    pinned = re.findall(
        r"^([A-Za-z0-9_.-]+)==", (ROOT / "constraints.txt").read_text(), re.MULTILINE
    )
    assert names <= {name.lower().replace("_", "-") for name in pinned}


def test_no_file_names_a_registry_or_a_path_of_some_machine() -> None:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    hosts = ("p" + "ypi.org", "python" + "hosted", "npm" + "js.org", "deb." + "debian")
    forbidden = re.compile("|".join(map(re.escape, hosts)) + "|/(?:home|ro" + "ot)/[a-z]")
    named = [
        name
        for name in listed.stdout.splitlines()
        if (ROOT / name).is_file() and forbidden.search((ROOT / name).read_text(errors="ignore"))
    ]
    assert named == []
