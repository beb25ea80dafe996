"""Plain SQL that the database refuses: columns of the board's users, and invalid values."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import psycopg
import pytest
from kit.rows import NOW, Worker, make_card, make_observation, settled
from sqlalchemy import URL, text

from models.postgres.engine import Sessions
from models.rules.statuses import BoardStatus, Status
from models.rules.validation import is_blank
from models.tables.reference_data import record_channels
from models.tables.task_history import act_as, take_in

INSERT = "INSERT INTO tasks (title, channel_id, topic) VALUES (%s, %s, %s)"
OWNED = {
    "title = 'SQL title'": "Title",
    "channel_id = 'b'": "Channel",
    "topic = 'SQL topic'": "Topic",
    "story_direction = 'SQL story'": "Story Direction",
}


@pytest.fixture
def worker(database: URL) -> Iterator[Worker]:
    """A program of the pipeline."""
    made = Worker(database)
    yield made
    made.connection.close()


@pytest.mark.parametrize("assignment", OWNED)
async def test_what_people_own_cannot_be_changed_by_sql_and_the_message_says_where_to(
    sessions: Sessions, worker: Worker, assignment: str
) -> None:
    await settled(sessions, make_observation(make_card()))
    before = worker.task()
    with pytest.raises(psycopg.errors.InsufficientPrivilege) as refused:
        worker.rows(f"UPDATE tasks SET status = 'pending', {assignment}")
    column = assignment.split(" ", maxsplit=1)[0]
    assert (
        f"tasks.{column} of task {before['id']} cannot be changed by SQL: the people on the board "
        f"own it. " in str(refused.value)
    )
    assert f"Change {OWNED[assignment]} on its card (Notion page page-1)" in str(refused.value)
    assert worker.task() == before


@pytest.mark.parametrize("column", ["created_at", "updated_at", "status_changed_at"])
@pytest.mark.parametrize("moment", ["1700-01-01", "2999-01-01", "infinity", "-infinity"])
def test_a_task_has_no_impossible_time(worker: Worker, column: str, moment: str) -> None:
    worker.rows(INSERT, ["a", "b", "c"])
    before = worker.task()
    with pytest.raises(psycopg.errors.CheckViolation, match=f"tasks.{column} is a time from"):
        worker.rows(f"UPDATE tasks SET {column} = '{moment}'")
    with pytest.raises(psycopg.errors.CheckViolation, match=f"tasks.{column} is a time from"):
        worker.rows(
            f"INSERT INTO tasks (title, channel_id, topic, {column}) VALUES ('d', 'b', 'c', %s)",
            [moment],
        )
    assert worker.task() == before


def test_a_worker_may_write_the_times_of_what_it_did(worker: Worker) -> None:
    worker.rows(INSERT, ["a", "b", "c"])
    worker.rows("UPDATE tasks SET created_at = '2019-05-04', status_changed_at = now()")
    assert worker.task("created_at")["created_at"].year == 2019


async def test_a_write_of_the_same_values_is_no_change(sessions: Sessions, worker: Worker) -> None:
    await settled(sessions, make_observation(make_card()))
    worker.rows(
        "UPDATE tasks SET title = title, topic = topic, channel_id = channel_id, status = 'pending'"
    )
    assert worker.task("status") == {"status": "pending"}


async def test_whoever_gives_a_name_for_the_history_is_not_taken_for_ours(
    sessions: Sessions, worker: Worker
) -> None:
    await settled(sessions, make_observation(make_card()))
    async with sessions.begin() as session:
        await take_in(session)
        mine = (
            await session.execute(text("SELECT current_setting('showrunner.taking_in')"))
        ).scalar_one()
    for setting, value in (("actor", "person:ada"), ("taking_in", "on"), ("taking_in", mine)):
        worker.rows("SELECT set_config(%s, %s, false)", [f"showrunner.{setting}", value])
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            worker.rows("UPDATE tasks SET title = 'SQL title'")
    async with sessions.begin() as session:
        await act_as(session, "person:ada", now=NOW, correlation_id=None)
        with pytest.raises(Exception, match="people on the board own it"):
            await session.execute(text("UPDATE tasks SET title = 'SQL title'"))


def test_a_task_without_a_page_may_be_changed_until_its_card_is_being_made(worker: Worker) -> None:
    worker.rows(INSERT, ["a", "b", "c"])
    worker.rows(
        "UPDATE tasks SET title = 'x', channel_id = 'deep_sea', topic = 'y', story_direction = 'z'"
    )
    worker.rows("INSERT INTO card_creations (task_id, sent_at) SELECT id, now() FROM tasks")
    for assignment in OWNED:
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="its card is being made"):
            worker.rows(f"UPDATE tasks SET {assignment}")
    worker.rows("UPDATE card_creations SET sent_at = NULL")
    worker.rows("UPDATE tasks SET title = 'a'")
    assert worker.task("title") == {"title": "a"}


def test_a_page_is_neither_given_nor_changed_nor_taken_away_by_sql(worker: Worker) -> None:
    with pytest.raises(
        psycopg.errors.InsufficientPrivilege, match="written by Showrunner alone: leave it out"
    ):
        worker.rows(
            "INSERT INTO tasks (title, channel_id, topic, notion_page_id) VALUES ('a', 'b', 'c', "
            "'page-1')"
        )
    worker.rows(INSERT, ["a", "b", "c"])
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        worker.rows("UPDATE tasks SET notion_page_id = 'page-1'")
    with worker.taking_in():
        worker.rows("UPDATE tasks SET notion_page_id = 'page-1'")
    for page in ("page-2", None):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            worker.rows("UPDATE tasks SET notion_page_id = %s", [page])


BLANKS = "".join(
    chr(n) for n in range(1, sys.maxunicode + 1) if not 0xD800 <= n <= 0xDFFF and is_blank(chr(n))
)
WHITE_SPACE = {chr(n) for n in range(1, sys.maxunicode + 1) if chr(n).isspace()}


@pytest.mark.parametrize("empty", ["", " ", "".join(sorted(WHITE_SPACE)), "\u3000", "\u200b"])
@pytest.mark.parametrize(
    ("column", "message"), [("title", "1 to 255 characters"), ("topic", "1 to 1,000 characters")]
)
def test_an_empty_text_is_refused_and_the_message_says_what_is_allowed(
    worker: Worker, column: str, message: str, empty: str
) -> None:
    texts = {"title": "a", "topic": "c", column: empty}
    with pytest.raises(
        psycopg.errors.CheckViolation, match=f"tasks.{column} must not be empty.*{message}"
    ):
        worker.rows(INSERT, [texts["title"], "b", texts["topic"]])
    worker.rows(INSERT, ["a", "b", "c"])
    with pytest.raises(psycopg.errors.CheckViolation, match=message):
        worker.rows(f"UPDATE tasks SET {column} = %s", [empty])


def test_the_database_and_the_rules_of_the_board_mean_the_same_by_empty(worker: Worker) -> None:
    every = "SELECT n FROM generate_series(1, 1114111) n WHERE n NOT BETWEEN 55296 AND 57343"
    theirs = worker.rows(f"SELECT n FROM ({every}) AS one WHERE showrunner_is_blank(chr(n))")
    assert {chr(row["n"]) for row in theirs} == set(BLANKS)
    assert set(BLANKS) > WHITE_SPACE | {"\u200b", "\u2060", "\U000e0001"}


@pytest.mark.parametrize(
    ("texts", "longest"), [(["x" * 256, "b", "c"], "255"), (["a", "b", "x" * 1001], "1000")]
)
def test_a_text_that_no_card_may_hold_is_refused_with_the_longest_that_may(
    worker: Worker, texts: list[str], longest: str
) -> None:
    with pytest.raises(
        psycopg.errors.StringDataRightTruncation, match=f"character varying.{longest}."
    ):
        worker.rows(INSERT, texts)


async def test_a_channel_that_is_not_configured_is_refused_and_the_message_names_those_that_are(
    sessions: Sessions, worker: Worker
) -> None:
    with pytest.raises(
        psycopg.errors.CheckViolation,
        match='"cooking" is not a configured channel: choose one of b, ',
    ):
        worker.rows(INSERT, ["a", "cooking", "c"])
    worker.rows(INSERT, ["a", "b", "c"])
    with pytest.raises(psycopg.errors.CheckViolation, match="choose one of b, deep_sea"):
        worker.rows("UPDATE tasks SET channel_id = ''")
    async with sessions.begin() as session:
        await record_channels(session, ["cooking", "deep_sea"])
    worker.rows(INSERT, ["a", "cooking", "c"])
    with pytest.raises(psycopg.errors.CheckViolation, match="choose one of cooking, deep_sea"):
        worker.rows(INSERT, ["a", "b", "c"])
    worker.rows("UPDATE tasks SET priority = 'high'")
    assert worker.row("SELECT count(*) n FROM tasks WHERE channel_id = 'b'") == {"n": 1}
    async with sessions.begin() as session:
        await record_channels(session, [])
    with pytest.raises(psycopg.errors.CheckViolation, match="none is known yet"):
        worker.rows(INSERT, ["a", "cooking", "c"])


async def test_a_channel_comes_and_goes_and_its_row_stays(
    sessions: Sessions, worker: Worker
) -> None:
    for channels in (["b"], ["b", "cooking"], ["cooking"]):
        async with sessions.begin() as session:
            await record_channels(session, channels)
    kept = worker.rows("SELECT id, configured FROM channels ORDER BY id")
    assert [tuple(row.values()) for row in kept] == [
        ("b", False),
        ("cooking", True),
        ("deep_sea", False),
    ]


@pytest.mark.parametrize("state", [*Status, *BoardStatus])
def test_the_three_texts_alone_or_with_any_state_are_enough(
    worker: Worker, state: Status | BoardStatus
) -> None:
    column = "status" if isinstance(state, Status) else "board_status"
    worker.rows(
        f"INSERT INTO tasks (title, channel_id, topic, {column}) VALUES ('a', 'b', 'c', %s)",
        [state.value],
    )
    assert worker.task(column) == {column: state.value}


def test_a_row_from_before_these_rules_is_kept_and_workers_go_on_with_it(worker: Worker) -> None:
    with worker.connection.transaction():
        worker.rows("SET LOCAL session_replication_role = replica")
        worker.rows(INSERT, ["", "no_such", " "])
    worker.rows("UPDATE tasks SET status = 'pending', priority = 'high'")
    worker.rows("UPDATE tasks SET title = 'Mended'")
    assert worker.task("status, title, topic") == {
        "status": "pending",
        "title": "Mended",
        "topic": " ",
    }
    worker.rows("DELETE FROM tasks")
