"""Environment variables for Prefect's server, and for every process that calls it or runs flows.

Prefect reads its settings when it is imported. So these are for the environment of a child process,
not for `os.environ` of a process that has imported it. Some values are plain seconds and some ISO
8601 durations, and a wrong one stops every Prefect import. `tests/flows/test_bootstrap.py` checks
names and formats against the installed Prefect.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final
from urllib.parse import quote

from models.settings import Settings

HEARTBEAT_SECONDS: Final = 30
"""How often a run sends a heartbeat: the least that Prefect allows."""

POLL_SECONDS: Final = 0.5
"""How often the warm worker polls for runs. A run waits half of it on average. Polling every 0.5 s
costs the server 7 % of a core, every 0.25 s 12 %."""

LOGGING: Final = Path(__file__).with_name("logging.yml")
"""Prefect's logging configuration in processes that run flows."""

_QUIET: Final = {"DO_NOT_TRACK": "1", "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
_LEASES_IN_FILES: Final = "prefect.server.concurrency.lease_storage.filesystem"
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
    """The variables of `python -m flows.server.prefect_server`, in addition to the system's own.

    Args:
        home: folder for everything this server keeps: database, leases, block encryption key. Made
            when missing.
        port: TCP port of its API and UI.
        host: address to listen on.
        database_url: SQLAlchemy URL with an async driver, e.g. `postgresql+asyncpg://…`; None is
            SQLite in `home`.
        login: `user:password` that every client must send; None: no login, loopback only.
        kept: settings whose RETENTION_ values say how long runs and events are kept; None: the
            defaults.
    """
    home, kept = home.absolute(), kept or Settings.model_construct()
    reachable = "127.0.0.1" if host == "0.0.0.0" else host
    url = f"http://{reachable}:{port}"
    logins = {} if login is None else {"PREFECT_SERVER_API_AUTH_STRING": login}
    return (
        _QUIET
        | logins
        | {
            "PREFECT_HOME": str(home),
            "PREFECT_SERVER_API_HOST": host,
            "PREFECT_SERVER_API_PORT": str(port),
            "PREFECT_API_URL": f"{url}/api",
            # Links in notifications, and the address that the browser calls: the server cannot
            # guess either when it is reached by another address.
            "PREFECT_UI_URL": url,
            "PREFECT_SERVER_UI_API_URL": f"{url}/api",
            "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
            "PREFECT_SERVER_DATABASE_CONNECTION_URL": database_url or _sqlite(home / "prefect.db"),
            # `flows.server.same_origin` keeps other sites' pages out without a token. Prefect's own
            # protection would answer 403 to the webhook receiver and to curl, which start runs over
            # plain HTTP.
            "PREFECT_SERVER_API_CSRF_PROTECTION_ENABLED": "false",
            "PREFECT_SERVER_API_CORS_ALLOWED_ORIGINS": ",".join(_origins(host, port)),
            # Leases in memory are lost with the server, and their slots are then never freed.
            "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": _LEASES_IN_FILES,
            "PREFECT_SERVER_DEPLOYMENTS_CONCURRENCY_SLOT_WAIT_SECONDS": "2",
            # By default flow runs are never deleted. Plain seconds here, an ISO duration below.
            "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
            "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": str(
                kept.retention_runs_days * _DAY
            ),
            # Events are three quarters of what a run leaves. The UI's event feed shows this period;
            # automations need none of it.
            "PREFECT_SERVER_EVENTS_RETENTION_PERIOD": f"PT{kept.retention_prefect_events_hours}H",
            # Runs made in advance pile up while there is no worker: five minutes are enough.
            "PREFECT_SERVER_SERVICES_SCHEDULER_MIN_SCHEDULED_TIME": "PT5M",
            "PREFECT_SERVER_SERVICES_SCHEDULER_MIN_RUNS": "1",
            "PREFECT_SERVER_SERVICES_SCHEDULER_MAX_RUNS": "5",
            # Half an interval: Late means that there is no worker, not that one was busy.
            "PREFECT_SERVER_SERVICES_LATE_RUNS_AFTER_SECONDS": "30",
            "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
        }
    )


def _origins(host: str, port: int) -> list[str]:
    """Origins of the UI: users open it by either name of this machine, and it calls one of them."""
    names = dict.fromkeys(["127.0.0.1", "localhost", host])
    return [f"http://{name}:{port}" for name in names if name not in {"0.0.0.0", "::"}]


def _sqlite(path: Path) -> str:
    """The URL of an SQLite file that Prefect's server opens with one connection instead of 15.

    Several connections block each other. A request that reads and then writes gets 503 when another
    one wrote in between, and clients then wait 2 s. A garbage-collected cursor whose connection
    waits for the lock stops the whole server for its busy time-out of 60 s. Six runs at once took 7
    to 90 s; with one connection they take 2 to 3 s.

    Prefect uses one connection for every URL that contains `:memory:`, and SQLite ignores unknown
    parameters of a `file:` URI.
    """
    return f"sqlite+aiosqlite:///file:{quote(str(path))}?uri=true&connections=one,as-for-:memory:"


def client_environment(
    api_url: str,
    *,
    poll_seconds: float = POLL_SECONDS,
    log_level: str = "INFO",
    log_style: str = "auto",
) -> dict[str, str]:
    """The variables of the worker, and of every process that runs flows or calls Prefect's API.

    Args:
        api_url: the server's API, e.g. `http://127.0.0.1:4200/api`.
        poll_seconds: how often the worker polls for runs.
        log_level: lowest level that is logged, of our lines and Prefect's.
        log_style: `auto`, `json` or `console`, as in `models.logs`.
    """
    return _QUIET | {
        "PREFECT_API_URL": api_url,
        "PREFECT_LOGGING_CONFIG_PATH": str(LOGGING),
        "PREFECT_LOGGING_LEVEL": log_level,
        "PREFECT_LOGGING_FORMATTERS_LINES_STYLE": log_style,
        # Lines of ours outside a run belong to no page of the UI: no reason for a warning.
        "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(HEARTBEAT_SECONDS),
        "PREFECT_WORKER_QUERY_SECONDS": str(poll_seconds),
        # Prefetching is for workers that start a process per run. A warm worker needs none, and a
        # prefetched run would occupy a concurrency slot before it starts.
        "PREFECT_WORKER_PREFETCH_SECONDS": "0",
        # Saves a request at each run's start: versions were compared when the worker connected.
        "PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED": "false",
    }
