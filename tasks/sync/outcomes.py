"""Log, count and alert what became of cards that were stored."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog

from models.sync.card_changes import Outcome
from models.sync.reconcile import ReconcileResult
from models.tables.incidents import IncidentKind
from tasks.alerts import Level, send_alert
from tasks.failed_cards import alert_failing
from tasks.runtime.context import Context
from tasks.runtime.report import Report

log = structlog.get_logger("showrunner.ingest")
push_log = structlog.get_logger("showrunner.push")


@dataclass(frozen=True, kw_only=True)
class Stored:
    """What a commit did.

    Attributes:
        deleted: the outcomes of pages that Notion does not find.
        unreadable: how often in a row each incomplete page could not be read or written.
    """

    result: ReconcileResult
    deleted: Sequence[Outcome]
    unreadable: Mapping[str, int]


async def report_unreadable(
    ctx: Context, stored: Stored, failed: Mapping[str, str], report: Report
) -> None:
    """Log and count the pages that could not be read; alert those that go on failing."""
    for page_id, error in failed.items():
        attempts = stored.unreadable.get(page_id, 0)
        report.failed += 1
        report.add_row(page_id, "cannot be read", error)
        log.error("card_unreadable", notion_page_id=page_id, error=error)
        await alert_failing(ctx, page_id, attempts, "A card of the board cannot be read", error)


def report_result(stored: Stored, report: Report, *, quiet: bool = False) -> None:
    """Log and count what became of each card; `quiet` logs unchanged cards of an old board less."""
    level = logging.INFO
    if quiet:
        level = logging.DEBUG
    for outcome in (*stored.result.outcomes, *stored.deleted):
        _report(outcome, report, level)
    report.not_granted.update(stored.result.lost_updates)
    for page_id, found in stored.result.lost_updates.items():
        for edit in found:
            report.refused += 1
            report.add_row(page_id, "overruled", f"{edit.name}: unseen")
            log.warning(
                "edit_overruled", notion_page_id=page_id, property=edit.name, reason="unseen"
            )


def _report(outcome: Outcome, report: Report, level: int) -> None:
    task_id = str(outcome.task_id) if outcome.task_id else None
    known = log.bind(notion_page_id=outcome.page_id, task_id=task_id)
    if outcome.trashed:
        report.trashed += 1
        report.add_row(outcome.page_id, "trashed")
        known.info("card_trashed")
    if outcome.restored:
        report.add_row(outcome.page_id, "restored")
        known.info("card_restored")
    if outcome.created or outcome.taken or outcome.restored:
        report.created += outcome.created
        report.taken += not outcome.created
        report.add_row(outcome.page_id, "created" if outcome.created else "taken")
        known.log(level, "notion_entry_synced", created=outcome.created)
    if outcome.newly_invalid:
        _report_violations(outcome, report, known)
    _report_lost_values(outcome, report, known)


def _report_violations(outcome: Outcome, report: Report, known: Any) -> None:
    report.invalid += 1
    fields = [violation.field for violation in outcome.newly_invalid]
    reasons = [f"{violation.field}: {violation.reason}" for violation in outcome.newly_invalid]
    report.add_row(outcome.page_id, "invalid", ", ".join(fields))
    # Spec 2.2 asks for title and channel here; no other line logs what users wrote.
    card = {}
    if outcome.plan is not None and outcome.plan.base is not None:
        card = {"title": outcome.plan.base.title, "channel": outcome.plan.base.channel}
    known.warning(
        "notion_entry_validation_failed",
        **card,
        fields=fields,
        reasons=reasons,
        action=_action_on_invalid(outcome),
    )


def _action_on_invalid(outcome: Outcome) -> str:
    """The log's word for what is done about an invalid card (spec 2.2)."""
    if outcome.task_id is None:
        return "entry_remains_in_draft"
    if outcome.plan is not None and outcome.plan.moved:
        return "entry_goes_to_draft"
    return "task_keeps_last_valid_values"


def _report_lost_values(outcome: Outcome, report: Report, known: Any) -> None:
    if outcome.plan is None:
        return
    for lost in outcome.plan.lost:
        action = "taken_when_valid"
        if lost.action != "waiting":
            action = "put_back_at_next_push"
            report.refused += 1
            report.not_granted.add(outcome.page_id)
        report.add_row(outcome.page_id, lost.action, f"{lost.property}: {lost.reason}")
        known.warning(
            f"edit_{lost.action}", property=lost.property, reason=lost.reason, action=action
        )


async def report_not_created(
    ctx: Context, report: Report, task_id: UUID, error: str, *, alert: bool = True
) -> None:
    """Log, count and, if wanted, alert a task whose card could not be created."""
    report.failed += 1
    push_log.error("card_not_made", task_id=str(task_id), error=error)
    if alert:
        context = {"task": task_id, "error": error}
        title = "A task cannot become a card on the board"
        await send_alert(ctx, Level.ERROR, IncidentKind.CARD_NOT_MADE, title, context)
