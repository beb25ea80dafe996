"""Faults of the sync: small edits of its source that histories must notice.

Anchors are short and stand exactly once in their file, which a test checks.
"""

from __future__ import annotations

from simulation.mutants.mutation import Mutation

PUSH, SWEEP, INGEST, NOTION_ERRORS = (
    "tasks/sync/push/one_card.py",
    "tasks/sync/sweep.py",
    "tasks/sync/ingest.py",
    "tasks/notion/errors.py",
)
PRESENCE, SAFETY, MAKING = (
    "tasks/sync/trashed_cards.py",
    "models/sync/safety_stop.py",
    "tasks/sync/push/new_cards.py",
)
CARD_CHANGES = "models/sync/card_changes.py"
SETTLE, INBOX, CARD = (
    "models/sync/reconcile.py",
    "models/tables/webhook_events.py",
    "models/tables/card.py",
)

AS_IF_SAVED = """except NotionWriteUncertain:
            from models.rules.merge_base import with_write
            async with self.ctx.sessions.begin() as session:
                card = (await cards_of(session, [page_id]))[page_id]
                card.remember(with_write(card.base, dict(change.values)), card.known_violations())
        except NotionWriteUncertain as error:"""

LAST_WRITER_WINS = """if base and task and task.updated_at < observation.card.edited_at:
            known = task_state(task)
            base = replace(base, status=known.board_status, priority=known.priority)
        decided = plan("""

MUTATIONS = (
    Mutation(
        "what a push wrote is not remembered", PUSH, "Readings(cards=[observation])", "Readings()"
    ),
    Mutation(
        "a push does not know its own write in the answer",
        PUSH,
        "written=change.values",
        "written={}",
    ),
    Mutation(
        "events are acknowledged before their effect is stored",
        INBOX,
        "event.claimed_until = now + LEASE",
        "event.processed, event.processed_at, event.outcome = True, now, 'looked_at'",
    ),
    Mutation(
        "a sweep looks back without overlap",
        SWEEP,
        "whole, edited = True, watermark - OVERLAP",
        "whole, edited = True, watermark",
    ),
    Mutation(
        "the watermark is taken at the sweep's end",
        SWEEP,
        "== watermark:\n                await remember(session, WATERMARK, moment=began)",
        "== watermark:\n                await remember(session, WATERMARK, moment=ctx.clock())",
    ),
    Mutation(
        "a sweep begins where its last answer came",
        "tasks/sync/fetch.py",
        "readings.answered = answered",
        "readings.answered = ctx.notion.server_time or ctx.clock()",
    ),
    Mutation(
        "a property that comes back is known by its name alone",
        "models/rules/board_schema.py",
        "ids = known.ids if known is not None else {}",
        "ids = {n: p.id for n, p in known.properties.items()} if known is not None else {}",
    ),
    Mutation("the last writer wins, by updated_at", SETTLE, "decided = plan(", LAST_WRITER_WINS),
    Mutation(
        "a move that waits is never put back",
        SETTLE,
        "return known if known > now else None",
        "return now + GRACE",
    ),
    Mutation(
        "what was lost is not recorded", SETTLE, "for lost in decided.lost:", "for lost in ():"
    ),
    Mutation(
        "a webhook that comes twice is stored twice",
        INBOX,
        "ON CONFLICT DO NOTHING RETURNING id",
        "RETURNING id",
    ),
    Mutation(
        "an older look counts as much as a newer one",
        "models/sync/observations.py",
        "if observation.began < card.last_read_at:",
        "if False:",
    ),
    Mutation(
        "an uncertain write counts as saved",
        PUSH,
        "except NotionWriteUncertain as error:",
        AS_IF_SAVED,
    ),
    Mutation(
        "an uncertain write counts as not saved",
        NOTION_ERRORS,
        "kind = NotionWriteUncertain if writes else NotionUnavailable",
        "kind = NotionUnavailable",
    ),
    Mutation(
        "a 503 counts as not saved",
        NOTION_ERRORS,
        "frozenset({409, 429, 529})",
        "frozenset({409, 429, 503, 529})",
    ),
    Mutation(
        "the shared budget is not asked",
        "tasks/notion/rate_limit.py",
        "await self._budget.acquire()",
        "pass",
    ),
    Mutation(
        "a write whose answer was lost counts as a person's",
        "models/sync/writes/recent.py",
        "if observation.written or card.write_in_flight is None or card.base is None:",
        "if True:",
    ),
    Mutation(
        "an event dies without a reason",
        INBOX,
        "event.error, event.claimed_until = error[:2000], None",
        "event.error, event.claimed_until = None, None",
    ),
    Mutation(
        "an event whose workers died dies without a reason",
        INBOX,
        "event.error = event.error or",
        "event.error = None and",
    ),
    Mutation(
        "events that are given back are lost",
        INBOX,
        '"next_attempt_at": now + wait',
        '"next_attempt_at": now + 9999 * wait',
        often={"an_event_has_had_bad_luck": 6, "notion_fails": 10, "webhooks_arrive": 15},
    ),
    Mutation(
        "a new channel file is not noticed",
        SWEEP,
        "if known == now_known:",
        "if known:",
        often={"a_channel_file_changes": 6, "a_channel_is_chosen": 6},
    ),
    Mutation(
        "a new card without an answer counts as not made",
        MAKING,
        "await _uncertain(ctx, task_id, report, str(error))\n        return False\n    except (",
        "await _mark_unsent(ctx, task_id)\n        return True\n    except (",
    ),
    Mutation(
        "a page that we made counts as a stranger's",
        "models/sync/adopt_page.py",
        "and card.created_by == creation.sent_by",
        "and False",
    ),
    Mutation(
        "a new card is sent before that is noted",
        MAKING,
        "creation.sent_at, creation.sent_by, creation.sent = now,",
        "_, creation.sent_by, creation.sent = now,",
    ),
    Mutation(
        "what is in the trash is not marked",
        SETTLE,
        "return trash_card(change, task, reason)",
        "return Outcome(page_id=card.notion_page_id)",
    ),
    Mutation(
        "a pause is no reason to doubt a move",
        SAFETY,
        "return last_good is not None and",
        "return True or",
    ),
    Mutation("nobody ever watches", SAFETY, "return last_good is not None and", "return False and"),
    Mutation(
        "a confirmation is never used up",
        "tasks/sync/safety_stop.py",
        "await forget(session, CONFIRMED)",
        "await session.flush()",
    ),
    Mutation(
        "every doubtful row of a query is believed",
        "models/sync/observations.py",
        "if confirmed or is_unchanged(card, observation.card):",
        "if True:",
    ),
    Mutation(
        "witnesses are not compared with their rows",
        "tasks/sync/fetch.py",
        "if all(page in now and same_state(now[page], by_page[page].card) for page in sample):",
        "if now:",
        often={"queries_are_stale": 6, "a_query_lags_behind_an_edit": 6},
    ),
    Mutation(
        "a session is in the server's time zone",
        "models/postgres/engine.py",
        '"TimeZone": "UTC",',
        "",
    ),
    Mutation(
        "a trashed card's task stays pending",
        CARD_CHANGES,
        "if task is not None and task.board_status == BoardStatus.QUEUED:",
        "if False:",
    ),
    Mutation("nobody asks who is still there", PRESENCE, "if which is not None:", "if False:"),
    Mutation(
        "a query is believed about what it does not show",
        PRESENCE,
        "found = await read_by_id(ctx, sync.board, missing[:BY_ID_MOST])",
        "found = Readings(not_found=missing)",
        often={"queries_are_stale": 8, "a_card_is_moved": 3},
    ),
    Mutation(
        "what an ingest run refuses waits for the next cycle",
        INGEST,
        "if push_back:",
        "if False:",
    ),
    Mutation(
        "a rejection is shown for ever",
        CARD,
        "or now - since < REJECTION_SHOWN_FOR",
        "or True",
    ),
    Mutation("what could not be read is not read again", PRESENCE, "if due:", "if False:"),
)
