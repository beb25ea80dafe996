"""Migrations: up from nothing, down to nothing, and exactly what the models say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from importlib import import_module
from itertools import chain
from pathlib import Path
from pkgutil import walk_packages
from typing import Any

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from kit.rows import Worker
from sqlalchemy import URL, create_engine
from sqlmodel import SQLModel

import models.tables
from models.postgres.engine import libpq, migrate
from models.production.steps import STEPS
from models.rules.statuses import CANONICAL, STATE_OF, BoardStatus

ROOT = Path(__file__).parents[3]
for _, name, _ in walk_packages(models.tables.__path__, "models.tables."):
    import_module(name)  # SQLModel.metadata lists imported tables only
TABLES = [
    "board_statuses",
    "card_creations",
    "card_previews",
    "cards",
    "channels",
    "incidents",
    "leases",
    "logins",
    "piece_pages",
    "pieces",
    "production_steps",
    "rate_limit",
    "reviews",
    "scenes",
    "spend_totals",
    "spends",
    "steps",
    "sync_state",
    "task_history",
    "tasks",
    "tokens",
    "webhook_events",
]


@contextmanager
def blank(postgres: URL, name: str) -> Iterator[URL]:
    with psycopg.connect(libpq(postgres.set(database="postgres")), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        try:
            yield postgres.set(database=name)
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


CATALOGUE = {
    "relations": (
        "SELECT relname, relkind FROM pg_class WHERE relnamespace = 'public'::regnamespace"
    ),
    "functions": (
        "SELECT proname FROM pg_proc JOIN pg_namespace n ON n.oid = pronamespace "
        "WHERE nspname IN ('public', 'showrunner')"
    ),
    "schemas": "SELECT nspname FROM pg_namespace WHERE nspname = 'showrunner'",
    "triggers": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal",
    "types": "SELECT typname FROM pg_type WHERE typnamespace = 'public'::regnamespace",
}

SHAPE = {
    "columns": (
        "SELECT table_name, column_name, data_type, character_maximum_length, udt_name, "
        "is_nullable, column_default, "
        "is_identity, identity_generation, generation_expression FROM information_schema.columns "
        "WHERE table_schema = 'public' AND table_name <> 'card_drift'"
    ),
    "constraints": (
        "SELECT conrelid::regclass::text, conname, contype, condeferrable, "
        "pg_get_constraintdef(oid) "
        "FROM pg_constraint WHERE connamespace = 'public'::regnamespace"
    ),
    "indexes": "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
}


def ours(url: URL, queries: dict[str, str]) -> dict[str, set[tuple[Any, ...]]]:
    with psycopg.connect(libpq(url)) as connection:
        found = {what: set(connection.execute(query).fetchall()) for what, query in queries.items()}
    return {
        what: {row for row in rows if not any("alembic" in str(cell) for cell in row)}
        for what, rows in found.items()
    }


def test_down_leaves_nothing_of_ours_and_up_again_works(postgres: URL) -> None:
    with blank(postgres, "up_and_down") as url:
        migrate(url)
        once = ours(url, CATALOGUE)
        assert sorted(name for name, kind in once["relations"] if kind == "r") == TABLES
        migrate(url)
        migrate(url, "base")
        assert ours(url, CATALOGUE) == {
            "relations": set(),
            "functions": set(),
            "schemas": set(),
            "triggers": set(),
            "types": set(),
        }
        migrate(url)
        assert ours(url, CATALOGUE) == once


def down_to(url: URL, revision: str) -> None:
    """Take back migrations, the last first, until the database is at that one."""
    while _revision(url) != revision:
        migrate(url, "-1")


def test_each_migration_can_be_taken_back_alone(postgres: URL) -> None:
    with blank(postgres, "one_step") as url:
        migrate(url)
        whole = {**ours(url, CATALOGUE), **ours(url, SHAPE)}
        without = {}
        while (revision := _revision(url)) != "0001":
            migrate(url, "-1")
            without[revision] = ours(url, CATALOGUE)["triggers"]
        ours_of_0004 = {("take_task_over",), ("show_new_on_card",), ("show_on_card",)}
        assert without["0008"] - without["0007"] == {("guard_task",)}
        assert without["0006"] >= ours_of_0004
        assert not without["0004"] & ours_of_0004
        assert without["0003"] == without["0004"]
        assert without["0002"] == set()
        migrate(url)
        assert {**ours(url, CATALOGUE), **ours(url, SHAPE)} == whole


def _revision(url: URL) -> str:
    with psycopg.connect(libpq(url)) as connection:
        found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    assert found is not None
    return str(found[0])


def test_the_migrated_schema_is_the_one_the_models_say(postgres: URL) -> None:
    engine = create_engine(postgres)
    with engine.connect() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)
        found = compare_metadata(context, SQLModel.metadata)
        differences = chain.from_iterable(
            each if isinstance(each, list) else [each] for each in found
        )
        # Comments stand in the migrations alone.
        assert [each for each in differences if not each[0].endswith("comment")] == []
    engine.dispose()


def test_constraints_indexes_and_defaults_are_the_ones_the_models_say(postgres: URL) -> None:
    with blank(postgres, "from_models") as url:
        engine = create_engine(url)
        SQLModel.metadata.create_all(
            engine, tables=[SQLModel.metadata.tables[name] for name in TABLES]
        )
        engine.dispose()
        said, made = ours(url, SHAPE), ours(postgres, SHAPE)
    assert made["columns"] == said["columns"]
    assert made["constraints"] == said["constraints"]
    assert made["indexes"] == said["indexes"]


def test_board_statuses_hold_the_vocabulary_of_the_models(postgres: URL) -> None:
    query = "SELECT name, status, is_canonical FROM board_statuses ORDER BY position"
    with psycopg.connect(libpq(postgres)) as connection:
        rows = connection.execute(query).fetchall()
    assert rows == [
        (column.value, STATE_OF[column].value, CANONICAL[STATE_OF[column]] == column)
        for column in BoardStatus
    ]


def test_production_steps_hold_the_vocabulary_of_the_models(postgres: URL) -> None:
    query = (
        "SELECT name, working_column, done_column, piece FROM production_steps ORDER BY position"
    )
    with psycopg.connect(libpq(postgres)) as connection:
        rows = connection.execute(query).fetchall()
    assert rows == [
        (step.value, rule.working.value, rule.done.value, rule.piece.value)
        for step, rule in STEPS.items()
    ]


def test_programs_that_start_together_migrate_once(postgres: URL) -> None:
    start = (
        "import os; from models.postgres.engine import database_url, migrate; "
        "migrate(database_url(os.environ['URL']))"
    )
    with blank(postgres, "together") as url:
        environment = {**os.environ, "URL": libpq(url)}
        programs = [
            subprocess.Popen(
                [sys.executable, "-c", start],
                cwd=ROOT,
                env=environment,
                stderr=subprocess.PIPE,
                text=True,
            )
            for _ in range(2)
        ]
        assert [(program.communicate(), program.returncode)[1] for program in programs] == [0, 0]
        worker = Worker(url)
        assert worker.row("SELECT count(*) n FROM alembic_version")["n"] == 1
        worker.connection.close()


def test_a_migration_keeps_the_rows_that_are_there(postgres: URL) -> None:
    with blank(postgres, "with_rows") as url:
        migrate(url, "0001")
        worker = Worker(url)
        worker.rows(
            "INSERT INTO tasks (title, channel_id, topic, status, board_status) "
            "VALUES ('a', 'b', 'c', 'failed', 'Error: API Failure')"
        )
        migrate(url)
        assert worker.task("board_status") == {"board_status": "Error: API Failure"}
        worker.connection.close()


def test_cards_that_were_made_after_the_first_import_get_the_dates_they_lack(postgres: URL) -> None:
    with blank(postgres, "dates") as url:
        migrate(url, "0004")
        worker = Worker(url)
        for page, actor in (("found", "import"), ("made", "person:ada")):
            worker.rows("SELECT set_config('showrunner.actor', %s, false)", [actor])
            worker.rows(
                "INSERT INTO tasks (notion_page_id, title, channel_id, topic) VALUES (%s, 'a', "
                "'b', 'c')",
                [page],
            )
            worker.rows(
                "INSERT INTO cards (notion_page_id, task_id, first_seen_at, shown_status, "
                "shown_priority, lacking) "
                "SELECT notion_page_id, id, now(), 'Draft', 'Normal', ARRAY['Created', 'Priority', "
                "'Updated'] "
                "FROM tasks WHERE notion_page_id = %s",
                [page],
            )
        worker.rows(
            "INSERT INTO cards (notion_page_id, first_seen_at, shown_status, shown_priority, "
            "shown_created) "
            "VALUES ('invalid', now(), 'Draft', 'Normal', '2020-02-20T20:20Z')"
        )
        columns = (
            "SELECT notion_page_id AS page, differs, base_created IS NOT NULL AS dated FROM "
            "cards ORDER BY 1"
        )
        before = worker.rows("SELECT notion_page_id, differs FROM cards ORDER BY 1")
        migrate(url, "0006")
        assert [tuple(row.values()) for row in worker.rows(columns)] == [
            ("found", 0, True),
            ("invalid", 0, True),
            ("made", 24, True),
        ]
        down_to(url, "0004")
        assert worker.rows("SELECT notion_page_id, differs FROM cards ORDER BY 1")[:2] == before[:2]


def test_what_differs_is_computed_anew_up_and_down(postgres: URL) -> None:
    with blank(postgres, "differing") as url:
        migrate(url, "0004")
        worker = Worker(url)
        worker.rows(
            "INSERT INTO cards (notion_page_id, first_seen_at, base_status, shown_status, "
            "shown_priority) "
            "VALUES ('p', now(), 'Draft', 'Queued', 'Normal')"
        )
        migrate(url)
        assert worker.card("drift_mask, waits_for, status_kept_until") == {
            "drift_mask": 1,
            "waits_for": None,
            "status_kept_until": None,
        }
        worker.rows("UPDATE cards SET waits_for = 'Queued', status_kept_until = now()")
        assert worker.card("drift_mask") == {"drift_mask": 0}
        down_to(url, "0004")
        assert worker.card("differs, shown_status") == {"differs": 1, "shown_status": "Queued"}


def test_rows_that_break_the_newer_rules_do_not_stop_the_migration_and_known_channels_are_kept(
    postgres: URL,
) -> None:
    with blank(postgres, "with_bad_rows") as url:
        migrate(url, "0004")
        worker = Worker(url)
        worker.rows("INSERT INTO tasks (title, channel_id, topic) VALUES ('', 'no_such', ' ')")
        worker.rows(
            'INSERT INTO sync_state (key, value) VALUES (\'channels\', \'{"ids": ["a", "b"]}\')'
        )
        migrate(url)
        assert [
            row["id"] for row in worker.rows("SELECT id FROM channels WHERE configured ORDER BY id")
        ] == ["a", "b"]
        down_to(url, "0004")
        assert worker.task("title, channel_id") == {"title": "", "channel_id": "no_such"}
        worker.connection.close()


def test_a_refusal_that_stands_is_told_for_a_day_from_the_migration_on(postgres: URL) -> None:
    with blank(postgres, "refusing") as url:
        migrate(url, "0009")
        worker = Worker(url)
        for page, refusal in (("told", "no"), ("silent", "")):
            worker.rows(
                "INSERT INTO cards (notion_page_id, refusal) VALUES (%s, %s)", [page, refusal]
            )
        migrate(url)
        query = (
            "SELECT notion_page_id AS page, now() - rejection_shown_since < interval '1 hour' "
            "AS told FROM cards ORDER BY 1"
        )
        assert worker.rows(query) == [
            {"page": "silent", "told": None},
            {"page": "told", "told": True},
        ]
        down_to(url, "0009")
        assert worker.rows("SELECT refusal FROM cards ORDER BY 1 DESC") == [
            {"refusal": "no"},
            {"refusal": ""},
        ]


def test_incidents_and_the_rate_limit_move_to_tables_and_back(postgres: URL) -> None:
    facts = [["page", "p-1"], ["error", "Notion said no"]]
    value = {"name": "card_failing:p-1", "level": "ERROR", "title": "It broke", "facts": facts}
    due = "2026-11-27T10:00:00+00:00"
    old = {
        f"incident:{'x' * 200}"[:100]: {**value, "name": "x" * 200, "told": False, "due": due},
        "incident:card_failing:p-1": {**value, "until": due, "told": True, "tries": 2},
        "incident:notion_auth": {"level": "CRITICAL", "title": "Old"},
        "notion_budget": {"held": 1764237600.5, "sent": [1764237600.25, 1764237601]},
        "watch": {"since": due},
    }
    with blank(postgres, "moving") as url:
        migrate(url, "0011")
        worker = Worker(url)
        for key, stored in old.items():
            worker.rows(
                "INSERT INTO sync_state (key, value, moment) VALUES (%s, %s, now())",
                [key, json.dumps(stored)],
            )
        migrate(url, "0012")
        rows = worker.rows("SELECT * FROM incidents ORDER BY name")
        assert [(row["name"], row["notified"], row["failed_messages"]) for row in rows] == [
            ("card_failing:p-1", True, 2),
            ("notion_auth", True, 0),
            ("x" * 200, False, 0),
        ]
        assert list(rows[0]["facts"].items()) == [tuple(fact) for fact in facts]
        assert rows[0]["ended_at"] == rows[2]["next_message_at"] == datetime.fromisoformat(due)
        limit = worker.row("SELECT * FROM rate_limit")
        assert [sent.timestamp() for sent in limit["sent_at"]] == [1764237600.25, 1764237601]
        assert limit["blocked_until"].timestamp() == 1764237600.5
        assert worker.rows("SELECT key FROM sync_state") == [{"key": "watch"}]
        migrate(url, "-1")
        back = {
            row["key"]: row["value"] for row in worker.rows("SELECT key, value FROM sync_state")
        }
        assert back["notion_budget"] == old["notion_budget"]
        assert back["incident:card_failing:p-1"]["facts"] == facts
        assert len(back) == len(old)
        worker.connection.close()


def test_the_text_of_attention_is_split_and_joined(postgres: URL) -> None:
    violations = [{"message": "Topic is empty."}, {"message": "Unknown channel."}]
    texts = {"both": (violations, "No."), "one": (violations, ""), "other": ([], "No.")}
    with blank(postgres, "splitting") as url:
        migrate(url, "0014")
        worker = Worker(url)
        for page, (found, rejection) in texts.items():
            words = [*(one["message"] for one in found), *([rejection] if rejection else [])]
            worker.rows(
                "INSERT INTO cards (notion_page_id, violations, rejection, attention, "
                "first_seen_at, "
                "notion_priority) VALUES (%s, %s, %s, %s, now(), 'Normal')",
                [page, json.dumps(found), rejection, " ".join(words)],
            )
        query = "SELECT notion_page_id AS page, attention, drift_mask FROM cards ORDER BY 1"
        before = worker.rows(query)
        migrate(url, "0015")
        assert worker.rows(
            "SELECT violation_text AS t, drift_mask AS d FROM cards ORDER BY notion_page_id"
        ) == [
            {"t": "Topic is empty. Unknown channel.", "d": 4},
            {"t": "Topic is empty. Unknown channel.", "d": 4},
            {"t": "", "d": 4},
        ]
        migrate(url, "-1")
        assert worker.rows(query) == before
        worker.connection.close()


@pytest.mark.parametrize("table", TABLES)
def test_every_moment_is_kept_with_its_time_zone(postgres: URL, table: str) -> None:
    worker = Worker(postgres)
    kinds = worker.rows(
        "SELECT DISTINCT data_type FROM information_schema.columns WHERE table_name = %s", [table]
    )
    worker.connection.close()
    assert "timestamp without time zone" not in {row["data_type"] for row in kinds}
