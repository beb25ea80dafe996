"""Each contract of `pyproject.toml` about imports refuses an import that breaks it."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import grimp
import pytest
from importlinter import configuration
from importlinter.contracts.forbidden import ForbiddenContract
from importlinter.contracts.layers import LayersContract

configuration.configure()

SETTINGS: dict[str, Any] = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
LINTER = SETTINGS["tool"]["importlinter"]
KINDS = {"layers": LayersContract, "forbidden": ForbiddenContract}
CONTRACTS: dict[str, dict[str, Any]] = {one["name"]: one for one in LINTER["contracts"]}
BROKEN_BY = {
    "cli -> flows | webhook -> tasks -> models": (
        "models.rules.merge",
        "tasks.sync.push.all_cards",
    ),
    (
        "models: operations | board -> sync -> production -> tables -> rules | postgres "
        "-> errors and settings"
    ): (
        "models.tables.card",
        "models.sync.reconcile",
    ),
    "tasks: operations | production | sync -> board -> failed_cards -> alerts -> notion": (
        "tasks.notion.client",
        "tasks.sync.ingest",
    ),
    "flows: flows -> runtime -> runs -> server": ("flows.server.health", "flows.runtime.worker"),
    "cli: main -> commands -> stack -> running -> output | interrupts": (
        "cli.stack.up",
        "cli.commands.doctor",
    ),
    "rules are pure: no tables, no sessions": ("models.rules.merge", "sqlalchemy"),
    "the product does not import the sandbox": ("cli.commands.sandbox", "notion_sandbox"),
    "makers are found by entry point: the core imports neither them nor their libraries": (
        "flows.push",
        "PIL",
    ),
    "models import no network client and no Prefect": ("models.operations.health.check", "httpx"),
    "the webhook receiver does not import Prefect, whose import takes seconds": (
        "webhook.trigger",
        "prefect",
    ),
    "only tasks.notion imports notion_client": ("tasks.runtime.debounce", "notion_client"),
}
"""By contract: who may not import what."""


@pytest.fixture
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(
        *LINTER["root_packages"], include_external_packages=True, cache_dir=None
    )


def kept(name: str, graph: grimp.ImportGraph) -> bool:
    options = {
        key: str(value) if isinstance(value, bool) else value
        for key, value in CONTRACTS[name].items()
        if key not in {"name", "type"}
    }
    kind = KINDS[CONTRACTS[name]["type"]]
    session = {"root_packages": LINTER["root_packages"], "include_external_packages": True}
    return bool(kind(name, session, options).check(graph, verbose=False).kept)


def test_every_contract_has_an_import_that_breaks_it() -> None:
    assert BROKEN_BY.keys() == CONTRACTS.keys()


@pytest.mark.parametrize("name", CONTRACTS)
def test_an_import_that_breaks_a_contract_is_refused(name: str, graph: grimp.ImportGraph) -> None:
    importer, imported = BROKEN_BY[name]
    assert kept(name, graph)
    if imported not in graph.modules:
        graph.add_module(imported, is_squashed=True)
    graph.add_import(importer=importer, imported=imported)
    assert not kept(name, graph)
