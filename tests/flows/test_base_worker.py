"""Prefect's `BaseWorker` has the private parts that we depend on, with known signatures."""

from __future__ import annotations

import inspect
import re

import pytest
from prefect.workers.base import BaseWorker

from flows.runtime.base_worker import OVERRIDDEN, USED, WithoutSubmission
from flows.runtime.warm_worker import WarmWorker

SIGNATURES = {
    "_propose_pending_state": ("async", ["self", "flow_run"]),
    "_propose_submitting_state": ("async", ["self", "flow_run"]),
    "_emit_flow_run_submitted_event": ("sync", ["self", "configuration"]),
    "_give_worker_labels_to_flow_run": ("async", ["self", "flow_run_id"]),
}
"""By private method: how Prefect calls it."""
CALLERS = {"_propose_pending_state": "_submit_run"}
CALLER = "_submit_run_and_capture_errors"
"""The method of `BaseWorker` that calls each of the others."""


def shape(method: object) -> tuple[str, list[str]]:
    assert inspect.isfunction(method)
    kind = "async" if inspect.iscoroutinefunction(method) else "sync"
    return kind, list(inspect.signature(method).parameters)


def private_names(kind: type) -> set[str]:
    return {name for name in vars(kind) if re.match("_(?!_|abc)", name)}


@pytest.mark.parametrize("name", OVERRIDDEN)
def test_prefect_calls_the_overridden_method_as_we_know_it(name: str) -> None:
    assert shape(getattr(BaseWorker, name)) == SIGNATURES[name]
    assert shape(getattr(WarmWorker, name)) == SIGNATURES[name]
    assert getattr(WarmWorker, name) is getattr(WithoutSubmission, name)
    assert f"self.{name}(" in inspect.getsource(getattr(BaseWorker, CALLERS.get(name, CALLER)))


@pytest.mark.parametrize("name", USED)
def test_prefect_has_the_private_attribute_that_we_use(name: str) -> None:
    assert re.search(rf"\bself\.{name}\b", inspect.getsource(BaseWorker)) or hasattr(
        BaseWorker, name
    )


def test_no_other_private_part_of_prefects_worker_is_overridden() -> None:
    ours = private_names(WithoutSubmission) | private_names(WarmWorker)
    assert ours & private_names(BaseWorker) == {*OVERRIDDEN, "_description"}


def test_our_own_attributes_hide_none_of_prefects() -> None:
    ours = set(re.findall(r"self\.(_\w+)(?:: [^=]+)? =", inspect.getsource(WarmWorker.__init__)))
    assert ours
    prefects = set(re.findall(r"self\.(_\w+)", inspect.getsource(BaseWorker)))
    assert ours & prefects == set()
