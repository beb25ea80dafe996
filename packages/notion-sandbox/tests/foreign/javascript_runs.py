"""Runs the JavaScript test programs in node, with the official SDK from the package registry."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROGRAMS = Path(__file__).parent / "javascript"
_TITLE = re.compile(r'^test\("((?:[^"\\]|\\.)*)"', re.MULTILINE)
_SECONDS = 240
_OLDEST_NODE = 20


class NoSdk(Exception):
    """Why the official SDK is not available."""


@dataclass(frozen=True)
class Outcome:
    """The result of one program: the tests that passed, and node's message for each that failed."""

    passed: frozenset[str]
    failed: dict[str, str]
    output: str


def named_tests() -> list[tuple[str, str]]:
    """(program, test) of every test that is written out.

    Those made in a loop are counted with their program.
    """
    programs = sorted(PROGRAMS.glob("*.test.mjs"))
    return [(path.name, title) for path in programs for title in _TITLE.findall(path.read_text())]


def install(cache: Path) -> Path:
    """A folder with the SDK and the programs.

    Args:
        cache: Kept between runs; a folder of it belongs to one package.json.

    Raises:
        NoSdk: There is no node, no npm, or no registry.
    """
    npm, node = shutil.which("npm"), shutil.which("node")
    if node is None or npm is None:
        raise NoSdk("node and npm are not installed.")
    version = subprocess.run(
        [node, "--version"], check=False, capture_output=True, text=True
    ).stdout.strip()
    if int(version.removeprefix("v").partition(".")[0] or 0) < _OLDEST_NODE:
        raise NoSdk(f"node {version} is too old: its tests need {_OLDEST_NODE} or newer.")
    manifest = (PROGRAMS / "package.json").read_bytes()
    folder = cache / hashlib.sha256(manifest).hexdigest()[:12]
    if not (folder / "installed").exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_bytes(manifest)
        command = [
            npm,
            "install",
            "--no-audit",
            "--no-fund",
            "--no-package-lock",
            "--ignore-scripts",
        ]
        try:
            subprocess.run(
                command, cwd=folder, check=True, capture_output=True, text=True, timeout=_SECONDS
            )
        except subprocess.TimeoutExpired:
            raise NoSdk(f"npm install took more than {_SECONDS} seconds.") from None
        except subprocess.CalledProcessError as error:
            raise NoSdk(f"npm install failed: {error.stderr[-400:]}") from None
        (folder / "installed").touch()
    for program in PROGRAMS.glob("*.mjs"):
        shutil.copy(program, folder)
    return folder


def run(folder: Path, program: str, facts: dict[str, Any]) -> Outcome:
    """Run one program against a sandbox."""
    report = folder / f"{program}.xml"
    report.unlink(missing_ok=True)
    reporters = ("--test-reporter=junit", f"--test-reporter-destination={report}")
    environment = {
        **os.environ,
        "SANDBOX_URL": facts["base_url"],
        "SANDBOX_TOKEN": facts["bot_token"],
        "SANDBOX_PERSON_TOKEN": facts["person_token"],
        "SANDBOX_ROOT_PAGE": facts["root_page_id"],
    }
    done = subprocess.run(
        ["node", *reporters, program],
        cwd=folder,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
    )
    cases = list(ET.parse(report).iter("testcase")) if report.exists() else []
    failed = {case.attrib["name"]: "".join(case.itertext()).strip() for case in cases if len(case)}
    passed = frozenset(case.attrib["name"] for case in cases) - failed.keys()
    return Outcome(passed, failed, f"{done.stdout}\n{done.stderr}"[-4000:])
