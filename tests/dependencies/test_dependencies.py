"""Installed packages are pinned and hashed, and an audit without an answer is not a good one."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from audit import assess

ROOT = Path(__file__).parents[2]
ALL, TO_RUN, TOOLS = "constraints.txt", "requirements.txt", "tools.txt"
_PIN = re.compile(
    r"^([A-Za-z0-9_.-]+)==(\S+)((?:[^\n]*\\\n)(?: +--hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)",
    re.MULTILINE,
)


def pins(name: str) -> dict[str, str]:
    return {found[1]: found[2] for found in _PIN.finditer((ROOT / name).read_text())}


@pytest.mark.parametrize(("name", "least"), [(ALL, 100), (TO_RUN, 100), (TOOLS, 20)])
def test_every_pinned_version_has_hashes(name: str, least: int) -> None:
    named = re.findall(r"^[A-Za-z0-9_.-]+==", (ROOT / name).read_text(), re.MULTILINE)
    assert len(named) == len(pins(name)) > least


def test_the_image_installs_the_versions_that_were_tested() -> None:
    assert pins(TO_RUN).items() < pins(ALL).items()
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    names = {re.split(r"[\[<>=]", line, maxsplit=1)[0].lower().replace("_", "-") for line in wanted}
    assert names <= pins(TO_RUN).keys()


def test_nothing_is_installed_without_its_hash() -> None:
    makefile, image = (ROOT / "Makefile").read_text(), (ROOT / "Dockerfile").read_text()
    assert f"--require-hashes --requirement {ALL}" in makefile
    assert f"--require-hashes --requirement {TO_RUN}" in image
    assert "--no-deps --no-build-isolation ." in image
    assert re.search("^INSTALL := .* --no-deps$", makefile, re.MULTILINE)
    assert makefile.count(f"--require-hashes --requirement {TOOLS}") == 2, "lock and audit"
    assert len(re.findall("pip install|[$][(]INSTALL[)]", makefile)) == 5, "those above"


def needs(project: Path) -> set[str]:
    wanted = tomllib.loads((project / "pyproject.toml").read_text())["project"]["dependencies"]
    return {re.split(r"[\[<>=]", line, maxsplit=1)[0] for line in wanted}


def test_the_makers_libraries_are_pinned_and_the_image_works_without_them() -> None:
    """They need 200 MB, and hold a program under the GPL: docs/deployment.md."""
    theirs = needs(ROOT / "packages/showrunner-makers") - {"showrunner"}
    shared = {"httpx", "pydantic", "pydantic-settings"}
    assert {"pillow", "av", "fonttools", "imageio-ffmpeg", *shared} <= theirs <= pins(ALL).keys()
    assert pins(TO_RUN).keys() & theirs == shared, "what Showrunner itself needs"
    assert "--editable $(MAKERS)" in (ROOT / "Makefile").read_text()


def test_the_studios_libraries_are_pinned() -> None:
    assert needs(ROOT / "packages/studio-sandbox") <= pins(ALL).keys()
    assert "--editable $(STUDIO)" in (ROOT / "Makefile").read_text()


def test_build_tools_are_pinned_as_the_distributions_ask_for_them() -> None:
    for project in (ROOT, *(ROOT / "packages").iterdir()):
        wanted = tomllib.loads((project / "pyproject.toml").read_text())["build-system"]["requires"]
        names = {re.split(r"[\[<>=]", line, maxsplit=1)[0] for line in wanted}
        assert {*names, "editables"} <= pins(TO_RUN).keys()
    assert {"uv", "pip-audit"} <= pins(TOOLS).keys()


def test_every_package_says_that_it_has_types() -> None:
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    packages = wheel["targets"]["wheel"]["packages"]
    assert [name for name in packages if not (ROOT / name / "py.typed").exists()] == []


@pytest.mark.parametrize("tool", ["ruff check", "ruff format", "mypy", "lint_imports"])
def test_a_commit_is_checked_by_the_pinned_tools(tool: str) -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    entries = [hook["entry"] for hook in hooks]
    assert all(entry.startswith(".venv/bin/python ") for entry in entries)
    assert any(tool in entry for entry in entries)


def test_the_workflow_runs_what_ci_runs() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    commands = [step["run"] for step in workflow["jobs"]["test"]["steps"] if "run" in step]
    assert commands == [".ci/run"]


def test_images_can_be_pinned_by_a_build_argument() -> None:
    image = (ROOT / "Dockerfile").read_text()
    assert re.findall("^FROM (\\S+)", image, re.MULTILINE) == ["${PYTHON_IMAGE}"] * 2
    assert "@sha256:" in image


def test_the_licence_is_named_where_the_package_says_it() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert (project["license"], project["license-files"]) == ("MIT", ["LICENSE"])
    assert (
        (ROOT / "LICENSE")
        .read_text()
        .startswith("MIT License\n\nCopyright (c) 2026 the Showrunner contributors")
    )


def answer(*dependencies: dict[str, Any]) -> str:
    return json.dumps({"dependencies": list(dependencies)})


FINE = {"name": "idna", "version": "3.20", "vulns": []}
FAULTY = {"name": "idna", "version": "3.6", "vulns": [{"id": "PYSEC-1", "fix_versions": ["3.7"]}]}
UNKNOWN = {"name": "h11", "skip_reason": "Dependency not found"}


@pytest.mark.parametrize(
    ("said", "code", "sentence"),
    [
        (answer(FINE), 0, "No known faults in 1 pinned versions."),
        (answer(FINE, FAULTY), 1, "idna 3.6: PYSEC-1, mended in 3.7"),
        (answer(FAULTY, UNKNOWN), 1, "1 of 2 versions could not be asked about (h11)"),
        (answer(FINE, UNKNOWN), 2, "1 of 2 versions could not be asked about (h11)"),
        (answer(), 2, "No version is pinned"),
        ("", 2, "Nobody could be asked about known faults: no network"),
    ],
    ids=["fine", "faulty", "faulty and unknown", "unknown", "nothing asked", "unreachable"],
)
def test_an_audit_is_good_only_when_every_version_was_asked_about(
    said: str, code: int, sentence: str
) -> None:
    ended, lines = assess(said, "WARNING: x\nno network")
    assert ended == code
    assert any(line.startswith(sentence) for line in lines)
