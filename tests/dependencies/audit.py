"""Asks whether the pinned versions have known faults: `make audit`.

Run by a Python that has pip-audit.

Ends with 0 when each was asked about and none has any, with 1 when some have, which are listed, and
with 2 when not all could be asked about: that nothing is known of a version says nothing of it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

NAMED = 5
"""Packages that are named of those that nobody could tell about."""


def assess(answer: str, complaint: str) -> tuple[int, list[str]]:
    """Exit code and lines for people.

    Args:
        answer: what pip-audit printed, in its JSON format; no JSON when it failed.
        complaint: what it printed to stderr.
    """
    try:
        asked = json.loads(answer)["dependencies"]
    except (ValueError, KeyError, TypeError):
        reason = (complaint.strip().splitlines() or ["it does not say why"])[-1]
        return 2, [
            f"Nobody could be asked about known faults: {reason}",
            "Try again where the index can be reached.",
        ]
    faulty = [each for each in asked if each.get("vulns")]
    unknown = [str(each["name"]) for each in asked if "skip_reason" in each]
    lines = [line for each in faulty for line in _faults(each)]
    if unknown:
        asked_of = (
            f"{len(unknown)} of {len(asked)} versions could not be asked about ({_some(unknown)})"
        )
        lines.append(
            f"{asked_of}: the package index here tells no faults. Ask again through one that does."
        )
    elif not asked:
        lines.append("No version is pinned: there is nothing to ask about.")
    elif not faulty:
        lines.append(f"No known faults in {len(asked)} pinned versions.")
    return 1 if faulty else 2 if unknown or not asked else 0, lines


def _faults(found: Mapping[str, Any]) -> list[str]:
    """A line per fault of one version."""
    return [
        f"{found['name']} {found['version']}: {fault['id']}, {_remedy(fault)}"
        for fault in found["vulns"]
    ]


def _remedy(fault: Mapping[str, Any]) -> str:
    versions = ", ".join(fault["fix_versions"])
    return f"mended in {versions}" if versions else "not mended yet"


def _some(names: Sequence[str]) -> str:
    more = [f"and {len(names) - NAMED} more"] if len(names) > NAMED else []
    return ", ".join([*names[:NAMED], *more])


def main(pins: str) -> int:
    """Ask about every pin in that file; the exit code."""
    options = ("--disable-pip", "--no-deps", "--format", "json", "--progress-spinner", "off")
    command = [sys.executable, "-m", "pip_audit", "--requirement", pins, *options]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    code, lines = assess(done.stdout, done.stderr)
    sys.stdout.write("\n".join(lines) + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
