"""The documents are true: the links, commands, settings, modules and tests that they name exist."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from showrunner_makers.services.settings import ALL as SERVICES
from typer.testing import CliRunner

from cli.main import app
from cli.stack.sandbox_board import _CARDS
from models.rules.statuses import (
    AFTER_GATE,
    ERRORS,
    IN_WORK,
    PEOPLE_MAY_MOVE,
    PEOPLE_MAY_MOVE_AT_GATE,
    STATE_OF,
    BoardStatus,
    Status,
)
from models.settings import Settings

ROOT = Path(__file__).parent.parent
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text()
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"))
}
README = PAGES["README.md"]
OPERATIONS = PAGES["docs/operations.md"]
README_WORDS_MAX = 1_200
GLOSSARY_MAX = 25
MADE_LATER = {"prove"}
"""Make targets that another change adds."""


def anchors(page: str) -> set[str]:
    """The fragments of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}


def links() -> list[tuple[str, str]]:
    """Every link to a file or a heading, with the page it stands on."""
    return [
        (name, link)
        for name, page in PAGES.items()
        for link in re.findall(r"\]\(([^)\s:]+)\)", page)
    ]


@pytest.mark.parametrize(("page", "link"), links())
def test_every_link_leads_somewhere(page: str, link: str) -> None:
    path, _, fragment = link.partition("#")
    target = (ROOT / page).parent / path if path else ROOT / page
    assert target.exists()
    if fragment:
        assert fragment in anchors(target.read_text())


def test_every_page_is_reached_from_the_readme() -> None:
    assert {name for name in PAGES if f"]({name}" not in README} == {"README.md"}


def test_the_readme_is_short() -> None:
    assert len(README.split()) <= README_WORDS_MAX


def test_the_glossary_is_short_and_sorted() -> None:
    rows = PAGES["docs/architecture.md"].partition("## Glossary")[2].split("|---|---|\n")[1]
    words = re.findall(r"^\| ([^|]+) \|", rows, re.MULTILINE)
    assert 0 < len(words) <= GLOSSARY_MAX
    assert words == sorted(words)


def named_tests() -> set[str]:
    return {name for page in PAGES.values() for name in re.findall(r"`(test_\w+)`", page)}


def test_every_test_that_shows_a_claim_exists() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "tests"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    files = [ROOT / name for name in listed.stdout.splitlines() if name.endswith(".py")]
    there = {
        name
        for path in files
        if path.is_file()
        for name in re.findall(r"def (test_\w+)", path.read_text())
    }
    assert named_tests()
    assert named_tests() - there == set()


def test_env_example_lists_exactly_the_settings_that_exist() -> None:
    listed = re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    own = {name.upper() for name in Settings.model_fields}
    assert sorted(listed) == sorted(own | of_the_makers())


def of_the_makers() -> set[str]:
    """What the makers of services read, which the core knows nothing of."""
    return {
        f"{kind.model_config['env_prefix']}{name.upper()}"
        for kind in SERVICES
        for name in kind.model_fields
    }


def test_the_page_of_deployment_names_every_setting_of_the_makers() -> None:
    page = PAGES["docs/deployment.md"]
    assert {name for name in of_the_makers() if f"`{name}`" not in page} == set()


def test_the_makers_settings_load_as_the_example_stands(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in of_the_makers():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    usual = [kind.read() for kind in SERVICES]
    shutil.copy(ROOT / ".env.example", tmp_path / ".env")
    assert [kind.read() for kind in SERVICES] == usual


def test_env_example_loads_as_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    copied = Settings(_env_file=ROOT / ".env.example")
    assert copied == Settings(_env_file=None)


@pytest.mark.parametrize(
    "name", [name for name in Settings.model_fields if name.startswith("retention_")]
)
def test_the_operator_is_told_how_long_each_thing_is_kept(name: str) -> None:
    kept, unit = Settings.model_fields[name].default, name.rpartition("_")[2]
    rows = OPERATIONS.splitlines()
    [row] = [line for line in rows if line.startswith("|") and f"`{name.upper()}`" in line]
    assert f"| {kept} {unit if kept > 1 else unit.removesuffix('s')} |" in row


def test_the_readmes_first_move_works_for_whoever_follows_it() -> None:
    [(meant, column)] = re.findall(
        '^ *showrunner task move "?([^"]+?)"? "([^"]+)"', README, re.MULTILINE
    )
    assert column in set(BoardStatus)
    assert len([title for title, *_ in _CARDS if title.startswith(meant)]) == 1
    assert f"“{meant}" in README


NAMED = {frozenset(ERRORS): "any Error", frozenset(IN_WORK): "any column of work"}
AFTER = "the next step's column"


def moves_in_words() -> dict[str, set[str]]:
    """The table of who may move what, made from the code's: columns that may do the same are one
    row."""
    groups: dict[tuple[frozenset[BoardStatus], bool], list[BoardStatus]] = {}
    for column, targets in PEOPLE_MAY_MOVE.items():
        twins = [other for other in targets if PEOPLE_MAY_MOVE[other] ^ targets == {column, other}]
        each_way = any(STATE_OF[other] is STATE_OF[column] for other in twins)
        within = targets | {column} if each_way else targets
        groups.setdefault((within, each_way), []).append(column)
    rows = {}
    for (targets, each_way), columns in groups.items():
        name = NAMED.get(frozenset(columns), ", ".join(columns))
        each_other = {"each other"} if each_way else set()
        rows[name] = {column.value for column in targets - {*columns}} | each_other
    [others] = {targets - {AFTER_GATE[gate]} for gate, targets in PEOPLE_MAY_MOVE_AT_GATE.items()}
    rows["a gate of the channel"] = {column.value for column in others} | {AFTER}
    return rows


def test_the_readmes_table_of_moves_is_that_of_the_code() -> None:
    table = README.partition("## Who may move what")[2].partition("Showrunner reverts")[0]
    rows = re.findall(r"^\| (.+?) \| (.+?) \|$", table, re.MULTILINE)[1:]
    shown = {name: set(re.sub(r" \([^)]*\)", "", to).split(", ")) for name, to in rows}
    assert shown == moves_in_words()


def test_the_page_of_the_board_has_the_statuses_of_the_code() -> None:
    rows = PAGES["docs/board.md"].partition("## The 26 statuses")[2]
    shown = dict(re.findall(r"^\| (\w+) \| ([^|]+) \|$", rows, re.MULTILINE))
    for status in Status:
        held = {column.value for column in BoardStatus if STATE_OF[column] == status}
        assert set(shown[status.value].split(", ")) == held


def test_every_picture_is_small_used_and_told_to_those_who_do_not_see_it() -> None:
    shown = {
        path.rpartition("/")[2]: words
        for page in PAGES.values()
        for words, path in re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", page)
    }
    pictures = {path.name: path.stat().st_size for path in (ROOT / "docs/pictures").iterdir()}
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
def test_every_command_has_help_and_is_described(command: tuple[str, ...]) -> None:
    answer = CliRunner().invoke(app, [*command, "--help"])
    assert answer.exit_code == 0
    assert f"showrunner {' '.join(command)}" in OPERATIONS


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for name, page in PAGES.items():
        named = set(re.findall(r"(?:`|^)make ([a-z]+)", page, re.MULTILINE))
        assert named - targets - MADE_LATER == set(), name


def test_every_module_that_is_started_exists() -> None:
    own = r"python -m ((?:benchmarks|flows|webhook|cli)[\w.]*)"
    named = {name for page in PAGES.values() for name in re.findall(own, page)}
    assert named
    for name in named:
        path = ROOT / name.replace(".", "/")
        assert path.with_suffix(".py").exists() or (path / "__main__.py").exists()


def test_every_deployment_names_a_flow_that_loads_and_is_described() -> None:
    declared = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    for deployment in declared:
        module, function = deployment["entrypoint"].split(":")
        assert callable(getattr(__import__(module, fromlist=[function]), function))
        assert f"\n| `{deployment['name']}` |" in OPERATIONS


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
