"""Lists and details of tasks over HTTP."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from kit.production import Production
from kit.worker_api import Api


@pytest.fixture
def tasks(sql: Production) -> dict[str, UUID]:
    """One task of each kind, by its title."""
    sql.rows("UPDATE channels SET gates = '{composites,assembly}' WHERE id = 'deep_sea'")
    made = {
        "working": sql.add("working"),
        "draft": sql.add("draft", column="Draft"),
        "by hand": sql.add("by hand", column="Audio Generating"),
        "gate": sql.add("gate", column="Composites Ready"),
        "no gate here": sql.add("no gate here", channel="b", column="Composites Ready"),
        "film": sql.add("film", channel="b", column="Ready for Review"),
        "error": sql.add("error", column="Error: API Failure"),
        "approved": sql.add("approved", column="Review Approved"),
        "offered": sql.add("offered", column="Videos Generating"),
    }
    assert sql.claimed() == made["working"] or sql.claimed("bob") == made["working"]
    sql.rows(
        "UPDATE leases SET worker = NULL, until = NULL WHERE worker = 'ada' AND task_id <> %s",
        [made["working"]],
    )
    sql.rows("INSERT INTO leases (task_id, approved_at) VALUES (%s, now())", [made["offered"]])
    made["waiting"] = sql.add("waiting")
    return made


async def listed(api: Api, **wanted: Any) -> Any:
    answer = await (await api.of("reader")).get("/v1/tasks", params=wanted)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize(
    ("wanted", "titles"),
    [
        ({"stage": "waiting"}, {"waiting", "approved", "offered"}),
        ({"stage": "working"}, {"working", "by hand", "no gate here"}),
        ({"stage": "gate"}, {"gate", "film"}),
        ({"stage": "errors"}, {"error"}),
        ({"status": "draft"}, {"draft"}),
        ({"channel": "b"}, {"no gate here", "film"}),
        ({"channel": "b", "stage": "gate"}, {"film"}),
        ({"channel": "none"}, set()),
    ],
)
async def test_a_filter_shows_its_tasks_and_no_others(
    api: Api, tasks: dict[str, UUID], wanted: dict[str, str], titles: set[str]
) -> None:
    found = await listed(api, **wanted)
    assert {task["title"] for task in found["tasks"]} == titles
    assert {task["task_id"] for task in found["tasks"]} == {str(tasks[title]) for title in titles}
    if wanted.get("stage") == "gate":
        assert {task["gate"] for task in found["tasks"]} <= {"composites", "assembly"}


async def test_pages_show_every_task_once_whatever_is_made_meanwhile(
    api: Api, sql: Production
) -> None:
    made = {str(sql.add(str(number))) for number in range(5)}
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = await listed(api, limit=2, **cursor)
        seen += [task["task_id"] for task in page["tasks"]]
        sql.rows("UPDATE tasks SET priority = 'high'")
        if page["next_cursor"] is None:
            break
        sql.pass_(seconds=1)
        sql.add("late")
        cursor = {"cursor": page["next_cursor"]}
    assert len(seen) == len(set(seen))
    assert set(seen) == made


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"cursor": "x"}, "next_cursor"),
        ({"cursor": "MjAyNi0xMS0yMyBhYmM="}, "next_cursor"),
        ({"cursor": "é"}, "next_cursor"),
        ({"limit": 0}, "limit:"),
        ({"limit": 201}, "limit:"),
        ({"status": "done"}, "status:"),
        ({"stage": "lunch"}, "stage:"),
        ({"channel": "a\0b"}, "channel:"),
    ],
)
async def test_a_list_that_cannot_be_meant_is_refused(
    api: Api, wanted: dict[str, Any], said: str
) -> None:
    answer = await (await api.of("reader")).get("/v1/tasks", params=wanted)
    assert (answer.status_code, answer.json()["error"]) == (422, "invalid_request")
    assert said in answer.json()["message"]


async def test_a_task_is_shown_with_all_that_was_made_and_decided(
    api: Api, sql: Production
) -> None:
    task = sql.add()
    await api.claimed()
    await api.work(task, "report", board_status="Assembling Video", detail="cutting")
    piece = {"kind": "film", "position": 0, "title": "Film", "path": "/films/1.mp4"}
    await api.work(task, "attach", **piece, cost_usd=1.25, job_id="j")
    shown = (await (await api.of("reader")).get(f"/v1/tasks/{task}")).json()
    assert (shown["title"], shown["topic"], shown["cost_usd"]) == ("squid", "topic", 1.25)
    assert (shown["worker"], shown["lease"]["detail"]) == ("worker/node-1", "cutting")
    assert [(one["step"], one["state"]) for one in shown["steps"]] == [("assembly", "working")]
    [made] = shown["pieces"]
    assert (made["kind"], made["path"], made["round"]) == ("film", "/films/1.mp4", 1)
    await api.work(task, "finish")
    await api.post("reviewer", f"{task}/reject", gate="assembly", round=1, note="too dark")
    shown = (await (await api.of("reader")).get(f"/v1/tasks/{task}")).json()
    assert (shown["gate"], shown["worker"]) == (None, None)
    assert [(one["decision"], one["note"]) for one in shown["reviews"]] == [("reject", "too dark")]


async def test_a_task_that_is_not_there_is_not_found(api: Api) -> None:
    answer = await (await api.of("reader")).get(f"/v1/tasks/{uuid4()}")
    assert (answer.status_code, answer.json()["error"]) == (404, "not_found")
