"""The environment in which Prefect must run for us: its server, and every process that talks to it or runs flows.

Prefect reads its settings when it is imported, so these are for the environment of a child process, not for
`os.environ` of one that has imported it. Names and formats were checked against Prefect 3.8's settings models; some
are plain seconds and some ISO 8601 durations, and a wrong one stops every Prefect import.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final
from urllib.parse import quote

from models.settings import Settings

HEARTBEAT_SECONDS: Final = 30
"""How often a run says that it is alive; the least that Prefect allows. `bootstrap` counts in it.
"""

POLL_SECONDS: Final = 0.5
"""How often the warm worker asks for work. A run waits half of it; 0.5 costs the server 7 % of a
core, 0.25 12 %."""

LOGGING: Final = Path(__file__).with_name("logging.yml")
"""Prefect's logging configuration in processes that run flows."""

_QUIET: Final = {"DO_NOT_TRACK": "1", "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
_DAY: Final = 86_400


def server_environment(
    home: Path,
    port: int,
    *,
    host: str = "127.0.0.1",
    database_url: str | None = None,
    kept: Settings | None = None,
    login: str | None = None,
) -> dict[str, str]:
    """What `python -m flows.server.prefect_server` must find in its environment, on top of the system's own.

    Args:
        home: folder for everything this server keeps: database, leases, block encryption key. Made when missing.
        port: TCP port of its API and UI.
        host: address to listen on.
        database_url: SQLAlchemy URL with an async driver, e.g. `postgresql+asyncpg://…`; None is SQLite in `home`.
        login: `user:password` that the server asks of everybody; None: it asks for none, and serves loopback only.
        kept: whose RETENTION_ settings say for how long runs and events are kept; None is for the defaults.
    """
    home, kept = home.absolute(), kept or Settings.model_construct()
    url = f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}"
    return _QUIET | {
        "PREFECT_HOME": str(home),
        "PREFECT_SERVER_API_HOST": host,
        "PREFECT_SERVER_API_PORT": str(port),
        "PREFECT_API_URL": f"{url}/api",
        # Links in notifications, and what the browser asks: the server cannot guess either behind
        # another address.
        "PREFECT_UI_URL": url,
        "PREFECT_SERVER_UI_API_URL": f"{url}/api",
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": database_url or _sqlite(home / "prefect.db"),
        # Other sites' pages are kept out by `flows.server.same_origin`, which needs no token: the
        # door and people with curl start runs over plain HTTP, and Prefect's own protection would
        # answer them 403.
        "PREFECT_SERVER_API_CSRF_PROTECTION_ENABLED": "false",
        "PREFECT_SERVER_API_CORS_ALLOWED_ORIGINS": ",".join(_origins(host, port)),
        **({"PREFECT_SERVER_API_AUTH_STRING": login} if login is not None else {}),
        # Leases in memory die with the server, and the slots they held are then never freed.
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
        "PREFECT_SERVER_DEPLOYMENTS_CONCURRENCY_SLOT_WAIT_SECONDS": "2",
        # Flow runs are otherwise kept for ever. Plain seconds here, an ISO duration for the events.
        "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
        "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": str(kept.retention_runs_days * _DAY),
        # Events are three quarters of what a run leaves. The UI's event feed goes back so far;
        # automations need none.
        "PREFECT_SERVER_EVENTS_RETENTION_PERIOD": f"PT{kept.retention_prefect_events_hours}H",
        # Runs made in advance are what piles up while no worker is there: five minutes of them will
        # do.
        "PREFECT_SERVER_SERVICES_SCHEDULER_MIN_SCHEDULED_TIME": "PT5M",
        "PREFECT_SERVER_SERVICES_SCHEDULER_MIN_RUNS": "1",
        "PREFECT_SERVER_SERVICES_SCHEDULER_MAX_RUNS": "5",
        # Half an interval: Late is to mean that no worker is there, not that one was busy for a
        # moment.
        "PREFECT_SERVER_SERVICES_LATE_RUNS_AFTER_SECONDS": "30",
        "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
    }


def _origins(host: str, port: int) -> list[str]:
    """Where the UI is opened: people type either name of this machine, and its pages ask one of them."""
    names = dict.fromkeys(["127.0.0.1", "localhost", host])
    return [f"http://{name}:{port}" for name in names if name not in {"0.0.0.0", "::"}]


def _sqlite(path: Path) -> str:
    """The URL of an SQLite file that Prefect's server opens with one connection instead of up to fifteen.

    With several they lock each other out: a request that reads and then writes gets 503 at once when another wrote in
    between, after which clients wait 2 s; and a collected cursor whose connection waits for the lock stops the whole
    server for the 60 s of its busy time-out. Six runs at once took 7 to 90 s, with one connection they take 2 to 3 s.
    Prefect does this for every URL that contains `:memory:`, and SQLite ignores what it does not know in a `file:` URI.
    """
    return f"sqlite+aiosqlite:///file:{quote(str(path))}?uri=true&connections=one,as-for-:memory:"


def client_environment(
    api_url: str,
    *,
    poll_seconds: float = POLL_SECONDS,
    log_level: str = "INFO",
    log_style: str = "auto",
) -> dict[str, str]:
    """What the worker, and every other process that runs flows or calls Prefect's API, must find.

    Args:
        api_url: the server's API, e.g. `http://127.0.0.1:4200/api`.
        poll_seconds: how often the worker asks for work.
        log_level: least level of lines, ours and Prefect's.
        log_style: `auto`, `json` or `console`, as in `models.logs`.
    """
    return _QUIET | {
        "PREFECT_API_URL": api_url,
        "PREFECT_LOGGING_CONFIG_PATH": str(LOGGING),
        "PREFECT_LOGGING_LEVEL": log_level,
        "PREFECT_LOGGING_FORMATTERS_LINES_STYLE": log_style,
        # Lines of ours outside a run have no page to go to; that is no reason for a warning.
        "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(HEARTBEAT_SECONDS),
        "PREFECT_WORKER_QUERY_SECONDS": str(poll_seconds),
        # A process per run needs to be started early; a warm worker would only hold its slot while
        # it waits.
        "PREFECT_WORKER_PREFETCH_SECONDS": "0",
        # One request less at each run's start: the versions were compared when the worker
        # connected.
        "PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED": "false",
    }
