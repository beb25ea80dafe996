"""What is installed is pinned and hashed, and nobody takes silence about known faults for a good answer."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from audit import verdict

ROOT = Path(__file__).parents[2]
ALL, TO_RUN = "constraints.txt", "requirements.txt"
_PIN = re.compile(
    r"^([A-Za-z0-9_.-]+)==(\S+)((?:[^\n]*\\\n)(?: +--hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)",
    re.MULTILINE,
)


def pins(name: str) -> dict[str, str]:
    return {found[1]: found[2] for found in _PIN.finditer((ROOT / name).read_text())}


@pytest.mark.parametrize("name", [ALL, TO_RUN])
def test_every_pinned_version_has_hashes(name: str) -> None:
    named = re.findall(r"^[A-Za-z0-9_.-]+==", (ROOT / name).read_text(), re.MULTILINE)
    assert len(named) == len(pins(name)) > 100


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
    assert len(re.findall("pip install|[$][(]INSTALL[)]", makefile)) == 5, (
        "each is one of the above, or of lock and audit"
    )


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
    ended, lines = verdict(said, "WARNING: x\nno network")
    assert ended == code
    assert any(line.startswith(sentence) for line in lines)
