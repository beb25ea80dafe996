"""Every kind of problem: what it means and what to do, once for alerts, doctor and `card show`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from models.tables.incidents import Incident, IncidentKind


class Problem(NamedTuple):
    """What every incident of a kind has in common.

    Attributes:
        headline: replaces the titles in a message about many incidents.
        meaning: what does not work meanwhile, and what goes on.
        cure: what to do; `{id}` stands for the card's or task's id.
    """

    headline: str
    meaning: str
    cure: str

    def cure_for(self, id_: object = "ID") -> str:
        """What to do about the card or task of that id, if the problem concerns one."""
        return self.cure.format(id=id_)


_STOPPED: Final = "The sentence says what to change; the next run goes on by itself."

PROBLEMS: Mapping[str, Problem] = MappingProxyType(
    {
        IncidentKind.NOTION_AUTH: Problem(
            "Notion does not let us in",
            "The token was revoked or replaced, or the connection lacks a capability or the "
            "board. Board and database drift apart until that is mended; nothing is lost "
            "meanwhile.",
            "In Notion: Settings → Connections → Develop or manage connections → this one → "
            "Capabilities: may it read, update and insert content? Is the board shared with it? If "
            "its token is another one, set NOTION_API_TOKEN to it and restart. Everything goes on "
            "by itself.",
        ),
        IncidentKind.SAFETY_STOP: Problem(
            "Cards wait for somebody to look",
            "People seem to have moved or trashed many cards while no cycle was good, or Notion "
            "does not find many. That is what a restored database, a wrong board or a token that "
            "sees too little looks like. These cards are left as they are; every other card is "
            "synced, and no task is given out.",
            "`showrunner push --dry-run` lists them with what would become of each. If that is "
            "right: `showrunner push --confirm`, at any time. If the board is right and the "
            "database old (a restored dump): `showrunner import --take-board` takes the board's "
            "statuses instead. If neither, mend the database, the board or the token first.",
        ),
        IncidentKind.PUSH_STOPPED: Problem(
            "The push cycle cannot go on",
            "Board and database drift apart; nothing is lost.",
            _STOPPED,
        ),
        IncidentKind.INGEST_STOPPED: Problem(
            "The ingest cannot go on", "What people do on the board arrives later.", _STOPPED
        ),
        IncidentKind.IMPORT_STOPPED: Problem(
            "The import cannot go on", "Cards not read yet are not followed.", _STOPPED
        ),
        IncidentKind.RETENTION_STOPPED: Problem(
            "Old rows are not deleted", "The database grows; the sync goes on.", _STOPPED
        ),
        IncidentKind.NO_GOOD_CYCLE: Problem(
            "No cycle was good for 5 minutes",
            "Board and database drift apart. Nothing is lost: the next good cycle brings over all"
            " that differs.",
            "Is `showrunner up` running, and is no other incident open? Else see whether the "
            "worker runs (its log), whether Prefect's server answers, and in its UI what became of "
            "the last runs of `push`; a long backlog takes its time. `showrunner push` runs a "
            "cycle by hand and says what stops it.",
        ),
        IncidentKind.DATABASE_LOST: Problem(
            "PostgreSQL does not answer",
            "Nothing is synced, and the webhook receiver asks Notion to deliver its webhooks again "
            "later. Nothing is lost.",
            "Is PostgreSQL running (`showrunner up` starts its own), does this machine reach it, "
            "is its disk full, is DATABASE_URL right? Everything goes on by itself when it "
            "answers.",
        ),
        IncidentKind.DATABASE_STORES_NOTHING: Problem(
            "PostgreSQL stores nothing",
            "It answers, but nothing is synced, and the webhook receiver asks Notion to deliver "
            "its webhooks again later. Nothing is lost.",
            "After a failover, let DATABASE_URL name the server that takes writes; free its disk;"
            " give our user its rights back. Everything goes on by itself when it stores again.",
        ),
        IncidentKind.BOARD_DRIFT: Problem(
            "The board lacks options that the pipeline needs",
            "Cards that are to get there stay behind and are tried again; every other card is "
            "synced.",
            "`showrunner board check` says what changed, and `showrunner board repair` adds what "
            "is missing. An option that was renamed is to be renamed back in Notion.",
        ),
        IncidentKind.PROPERTY_TYPE: Problem(
            "A property of the board has a type that cannot be used",
            "It is neither read nor written; no value is lost. Everything else is synced.",
            "In Notion, change its type back (••• of the property → Edit property → Type). If it "
            "is a property of your own, rename it, and `showrunner board repair` adds ours.",
        ),
        IncidentKind.CHANNEL_FILE: Problem(
            "A channel file is wrong",
            "What the file said when it was right last counts; one that never was is no channel "
            "yet. Every other channel is synced.",
            "Mend the file as the sentence says; the next cycle reads it anew.",
        ),
        IncidentKind.CARD_FAILING: Problem(
            "A card cannot be written to the board",
            "This card does not show what the database holds; every other card does. It is tried "
            "again, at last once an hour.",
            "`showrunner card show {id}` says why; `showrunner push --dry-run` shows what would be "
            "written.",
        ),
        IncidentKind.CARD_NOT_MADE: Problem(
            "A task cannot become a card on the board",
            "Workers inserted it, and the board does not show it; nothing else is held up. It is "
            "tried again.",
            "`showrunner task show {id}` says why; `showrunner push --dry-run` lists all that "
            "wait. Correct the task by SQL, or give the board the option that it lacks "
            "(`showrunner board repair`).",
        ),
        IncidentKind.WORKER_LOST: Problem(
            "A worker stopped answering",
            "Its lease expired. The task is given out again; after the third time its card goes to "
            "Error: Manual Review. What was made is kept.",
            "Read the worker's log around that time (for Showrunner's own production the run in "
            "Prefect's UI): was the process killed, or the machine out of memory? `showrunner "
            "task show {id}` says where the task is.",
        ),
        IncidentKind.STEP_STUCK: Problem(
            "A worker is silent",
            "It holds a task, and was not heard of for an hour. Nobody else takes the task before "
            "the lease expires.",
            "Look at the worker's log. Stop it if it hangs, or move the card to Archived: then the "
            "task is stopped.",
        ),
        IncidentKind.BUDGET_REACHED: Problem(
            "A budget is used up",
            "No task that the budget is for is given out. What is under way is finished.",
            "Raise `budget` in the channel's file or PRODUCTION_DAILY_BUDGET, or wait for the next "
            "day or month: everything goes on by itself.",
        ),
        IncidentKind.DEAD_EVENT: Problem(
            "A webhook event could not be processed",
            "It was tried 8 times and is kept in webhook_events, with its error. What people "
            "changed on that card since is found by the sweep all the same.",
            "`showrunner events list --dead` shows why; `showrunner events replay --dead` tries "
            "them again.",
        ),
        IncidentKind.MAKER_PAUSED: Problem(
            "A maker has no money, no quota or no valid key",
            "Its steps wait, in all channels or in the one that is named; every other step goes "
            "on. One submission is tried every 15 minutes.",
            "Put money on the account, raise its limit, correct its key or connect it again. "
            "Everything goes on by itself.",
        ),
        IncidentKind.FILE_REFUSED: Problem(
            "The workspace does not take a file",
            "The page of that piece says where its file is, and the card shows a still instead of "
            "the film. Statuses and texts are synced.",
            "A free workspace takes files up to 5 MiB, and 1,000 blocks in all: upgrade it, or "
            "leave it so. May the connection insert content? A file is tried again when it was "
            "made anew.",
        ),
    },
)
"""By an incident's kind. A message about any other kind has its title and facts alone."""

_CURE: Final = "what to do"
"""A fact of this name replaces the cure of the incident's kind."""


def cure_of(incident: Incident) -> str:
    """What to do about an incident; empty when its kind is none of `PROBLEMS`."""
    if _CURE in incident.facts:
        return incident.facts[_CURE]
    problem = PROBLEMS.get(incident.kind)
    return problem.cure_for(incident.subject) if problem else ""


def other_facts(incident: Incident) -> dict[str, str]:
    """The incident's facts without the cure that may be among them."""
    return {name: value for name, value in incident.facts.items() if name != _CURE}
