"""Prefect's server as we start it: closed to other sites' pages, and to flows in files."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from kit.processes.ports import free_port
from kit.processes.prefect_runs import RunKit
from kit.processes.prefect_server import wait_until_healthy
from prefect.client.orchestration import PrefectClient, get_client
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

from flows.runtime.bootstrap import bootstrap, bootstrap_if_missing
from flows.runtime.warm_worker import WarmWorker
from flows.server.prefect_server import LOGIN_VARIABLE
from flows.server.prefect_settings import server_environment
from flows.server.same_origin import login_for

EVIL = {"Origin": "http://evil.example"}


def address(api: str) -> str:
    return api.removesuffix("/api")


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE", "OPTIONS"])
def test_a_page_of_another_site_gets_nothing_and_changes_nothing(
    prefect_server: str, method: str
) -> None:
    answer = httpx.request(method, f"{prefect_server}/flows/", headers=EVIL, json={"name": "evil"})
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers
    assert httpx.get(f"{prefect_server}/flows/name/evil").status_code == 404


def test_a_name_that_is_not_the_servers_is_refused(prefect_server: str) -> None:
    headers = {"Host": f"evil.example:{httpx.URL(prefect_server).port}"}
    assert (
        httpx.post(f"{prefect_server}/flows/", headers=headers, json={"name": "evil"}).status_code
        == 403
    )


def test_its_own_pages_and_plain_programs_are_served(prefect_server: str) -> None:
    port = httpx.URL(prefect_server).port
    for headers in (
        {},
        {"Origin": address(prefect_server)},
        {"Origin": f"http://localhost:{port}"},
    ):
        made = httpx.post(f"{prefect_server}/flows/", headers=headers, json={"name": "welcome"})
        assert made.is_success
        assert made.headers.get("access-control-allow-origin") == headers.get("Origin")


@pytest.mark.parametrize(
    "entrypoint", ["evil.py:flow", "{folder}/evil.py:flow", "os:system", "stand_ins:noted.x"]
)
async def test_the_worker_runs_no_flow_but_those_of_its_packages(
    kit: RunKit, entrypoint: str, tmp_path: Path
) -> None:
    mark = tmp_path / "ran"
    (tmp_path / "evil.py").write_text(f"open({str(mark)!r}, 'w').close()\n")
    await kit.deploy("noted")
    flow = (await kit.client.read_deployment(kit.ids["noted"])).flow_id
    made = await kit.client.create_deployment(
        flow_id=flow,
        name=f"{kit.pool} evil",
        entrypoint=entrypoint.format(folder=tmp_path),
        path=str(tmp_path),
        work_pool_name=kit.pool,
    )
    kit.ids["evil"] = made
    async with WarmWorker(work_pool_name=kit.pool, name=kit.pool, prefetch_seconds=0) as worker:
        run = await kit.reaches(await kit.ask_for("evil"), "Crashed", worker=worker)
    assert run.state is not None
    assert "is no flow of" in str(run.state.message)
    assert not mark.exists()


@contextmanager
def server(home: Path, **more: str) -> Iterator[str]:
    port = free_port()
    api = f"http://127.0.0.1:{port}/api"
    log = home / "server.log"
    environment = (
        os.environ | server_environment(home, port) | {"PREFECT_SERVER_UI_ENABLED": "false"} | more
    )
    with log.open("ab") as output:
        command = [sys.executable, "-m", "flows.server.prefect_server"]
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    try:
        wait_until_healthy(api, process, log)
        yield api
    finally:
        process.terminate()
        process.wait()


async def test_a_server_whose_database_was_lost_is_set_up_again(
    kit: RunKit, tmp_path: Path
) -> None:
    declared = kit.prefect_yaml("noted", "held")
    with server(tmp_path) as api, temporary_settings({PREFECT_API_URL: api}):
        async with get_client() as client:
            await bootstrap(declared, pool=kit.pool)
            before = await _names(client)
            await bootstrap_if_missing(client, declared, pool=kit.pool)
            for each in await client.read_deployments():
                await client.delete_deployment(each.id)
            await client.delete_work_pool(kit.pool)
            await bootstrap_if_missing(client, declared, pool=kit.pool)
            assert await _names(client) == before
            assert (await client.read_work_pool(kit.pool)).type == WarmWorker.type


async def _names(client: PrefectClient) -> list[str]:
    return sorted(each.name for each in await client.read_deployments())


async def test_a_server_with_a_login_asks_everybody_for_it(tmp_path: Path) -> None:
    with server(tmp_path, **{LOGIN_VARIABLE: "ada:secret"}) as api:
        async with httpx.AsyncClient() as stranger:
            assert (await stranger.post(f"{api}/flows/", json={"name": "x"})).status_code == 401
        with temporary_settings({PREFECT_API_URL: api, PREFECT_API_AUTH_STRING: "ada:secret"}):
            async with get_client() as client:
                assert await client.read_work_pools() == []


def test_beyond_this_machine_no_server_starts_without_a_login(tmp_path: Path) -> None:
    environment = os.environ | server_environment(tmp_path, free_port(), host="0.0.0.0")
    ended = subprocess.run(
        [sys.executable, "-m", "flows.server.prefect_server"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert LOGIN_VARIABLE in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_login_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    assert login_for("127.0.0.1", tmp_path) is None
    made = login_for("0.0.0.0", tmp_path)
    assert made is not None
    login, new = made
    assert new
    assert len(login) > 30
    assert login_for("0.0.0.0", tmp_path) == (login, False)
    assert (tmp_path / "login").stat().st_mode & 0o777 == 0o600
