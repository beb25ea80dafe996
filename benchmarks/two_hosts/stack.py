"""Processes by host: PostgreSQL, Prefect's server and the balancer, workers, receivers."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, make_url

from benchmarks.kit.places import CHANNELS
from benchmarks.kit.waiting import START_SECONDS, answering, until
from benchmarks.two_hosts.hosts import CENTRE, Host, NotPermitted, running
from flows.server.prefect_settings import client_environment, server_environment
from models.postgres.engine import ensure_database, migrate

BALANCER, RECEIVER, PREFECT, POSTGRES = 8600, 8610, 4200, 5432
WEBHOOKS = f"http://{CENTRE}:{BALANCER}/webhook/notion"
_DATABASE_USER = "postgres"

BALANCING = """\
global
    log stdout format raw local0 notice
defaults
    mode http
    log global
    timeout connect 1s
    timeout client 10s
    timeout server 5s
    # A delivery is stored once however often it comes, so another receiver may get it again.
    retries 3
    option redispatch 1
    retry-on conn-failure empty-response response-timeout 503
frontend address
    bind {centre}:{balancer}
    default_backend receivers
backend receivers
    balance roundrobin
    option httpchk GET /health
    default-server check inter 1s fall 2 rise 2
{servers}
"""
"""As in docs/deployment.md."""


def postgres_programs() -> Path:
    """The newest PostgreSQL installed on this machine; Prefect's server needs its pg_trgm.

    Raises:
        NotPermitted: when there is none.
    """
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: float(path.parts[4])
    )
    if not found:
        raise NotPermitted("not installed: postgresql (in /usr/lib/postgresql)")
    return found[-1].parent


def _initialise(programs: Path, data: Path, password: str) -> None:
    data.parent.chmod(0o711)
    data.mkdir()
    secret = data.with_name("password")
    secret.write_text(password)
    for path in (data, secret):
        shutil.chown(path, _DATABASE_USER)
    options = (
        "--auth=scram-sha-256",
        f"--pwfile={secret}",
        "--encoding=UTF8",
        "--username=postgres",
    )
    command = [str(programs / "initdb"), "-D", str(data), *options]
    done = subprocess.run(
        command,
        user=_DATABASE_USER,
        group=_DATABASE_USER,
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise NotPermitted(f"initdb failed: {done.stderr.strip()}")
    (data / "pg_hba.conf").write_text("host all all samenet scram-sha-256\n")


PREFECT_LOGIN = "showrunner:benchmark"
"""Beyond loopback Prefect's server asks for one."""


@asynccontextmanager
async def postgres(centre: Host, folder: Path) -> AsyncIterator[tuple[URL, URL]]:
    """Our migrated database and Prefect's on one server that listens on TCP."""
    programs, data, password = postgres_programs(), folder / "pg", secrets.token_urlsafe(12)
    await asyncio.to_thread(_initialise, programs, data, password)
    settings = (
        "-c",
        f"listen_addresses={CENTRE}",
        "-c",
        f"port={POSTGRES}",
        "-c",
        "unix_socket_directories=",
    )
    server = (str(programs / "postgres"), "-D", str(data), *settings)
    admin = make_url(f"postgresql+psycopg://postgres:{password}@{CENTRE}:{POSTGRES}/postgres")
    async with running(centre, *server, log=folder / "postgres.log", user=_DATABASE_USER):

        async def ready() -> bool:
            probe = (str(programs / "pg_isready"), "-h", CENTRE, "-p", str(POSTGRES), "-q")
            return not (await asyncio.to_thread(subprocess.run, probe, check=False)).returncode

        await until(ready, "PostgreSQL answers", seconds=START_SECONDS)
        ours, prefects = admin.set(database="showrunner"), admin.set(database="prefect")
        for name in ("showrunner", "prefect"):
            await asyncio.to_thread(ensure_database, admin, name)
        await asyncio.to_thread(migrate, ours)
        yield ours, prefects


@asynccontextmanager
async def prefect_server(centre: Host, folder: Path, database: URL) -> AsyncIterator[str]:
    """Prefect's server on a PostgreSQL of its own; its API's address."""
    url = database.set(drivername="postgresql+asyncpg").render_as_string(hide_password=False)
    environment = server_environment(
        folder / "prefect", PREFECT, host=CENTRE, database_url=url, login=PREFECT_LOGIN
    )
    command = (sys.executable, "-m", "flows.server.prefect_server")
    async with running(centre, *command, log=folder / "prefect.log", environment=environment):
        await answering(f"http://{CENTRE}:{PREFECT}/api/health")
        yield f"http://{CENTRE}:{PREFECT}/api"


@asynccontextmanager
async def balancer(centre: Host, folder: Path, *receivers: Host) -> AsyncIterator[Path]:
    """One address for several receivers; its log."""
    servers = "\n".join(f"    server {host.name} {host.address}:{RECEIVER}" for host in receivers)
    configuration = folder / "haproxy.cfg"
    configuration.write_text(BALANCING.format(centre=CENTRE, balancer=BALANCER, servers=servers))
    log = folder / "balancer.log"
    async with running(centre, "haproxy", "-db", "-f", str(configuration), log=log):
        yield log


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A host with its programs.

    Attributes:
        worker, receiver: their processes; worker_log, receiver_log: what they say, JSON lines.
    """

    host: Host
    worker: asyncio.subprocess.Process
    receiver: asyncio.subprocess.Process
    worker_log: Path
    receiver_log: Path

    @property
    def health(self) -> str:
        """Where its receiver says how it is."""
        return f"http://{self.host.address}:{RECEIVER}/health"


@asynccontextmanager
async def machine(
    host: Host, folder: Path, api: str, settings: Mapping[str, str]
) -> AsyncIterator[Machine]:
    """A warm worker and a receiver on a host, ready to work."""
    home = folder / host.name
    home.mkdir()
    environment = {
        **client_environment(api, log_style="json"),
        **settings,
        "PREFECT_API_AUTH_STRING": PREFECT_LOGIN,
        "PREFECT_HOME": str(home / "prefect"),
        "CHANNEL_CONFIGS": str(CHANNELS),
        "LOG_FORMAT": "json",
        "RECEIVER_HOST": host.address,
        "RECEIVER_PORT": str(RECEIVER),
    }
    logs = home / "worker.log", home / "receiver.log"
    async with AsyncExitStack() as cleanup:
        started = [
            await cleanup.enter_async_context(
                running(host, sys.executable, "-m", *module, log=log, environment=environment)
            )
            for module, log in zip(
                (("flows.runtime.worker", "--bootstrap"), ("webhook",)), logs, strict=True
            )
        ]
        made = Machine(
            host=host,
            worker=started[0],
            receiver=started[1],
            worker_log=logs[0],
            receiver_log=logs[1],
        )
        await answering(made.health)
        yield made
