"""How a sandbox is set up. Nothing here is read from the environment."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

Clock = Callable[[], datetime]
"""Tells the time as an aware datetime in UTC."""

AccountKind = Literal["bot", "person"]


def utc_now() -> datetime:
    """The clock of the machine."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Account:
    """Somebody who may call the API.

    Attributes:
        kind: `bot` is a connection and has Notion's request limit. `person` is somebody at work in
            Notion's app.
        name: Shown in Notion; with `kind` it says who this is, so a new token for the same name is
            the same user.
        token: The bearer token; None lets the sandbox keep the one it has, or make one.
    """

    kind: AccountKind
    name: str
    token: str | None = None


BOT = Account("bot", "Sandbox connection")
PERSON = Account("person", "Sandbox editor")


@dataclass(frozen=True)
class Config:
    """The settings of one sandbox.

    Attributes:
        state_dir: Folder of the state file, made if missing. None keeps everything in memory.
        accounts: Who may call. Only their tokens are valid.
        requests_per_minute: Limit of each bot in any 60 seconds (Notion: 180, or 600 on Business
            and Enterprise).
        latency_ms: Wait before each answer of the API, in milliseconds.
        aggregation_seconds: How long changes of one page are gathered before they become webhook
            events.
        webhook_url: Where events go. None keeps the subscription that the state has, if any.
        webhook_secret: The verification token that signs them. None keeps or makes one.
        workspace_name: Shown by users and webhooks.
        query_limit: Results of one query over all its pages (Notion: 10,000).
        max_file_bytes: Size of an uploaded file (Notion: 5 MiB in a free workspace, else 5 GiB).
        log_limit: How many requests and how many finished deliveries are remembered.
        pump: Whether the app delivers webhooks by itself while it is served. Without it call
            `deliver_due`.
    """

    state_dir: Path | None = None
    accounts: tuple[Account, ...] = field(default=(BOT, PERSON))
    requests_per_minute: int = 180
    latency_ms: float = 0
    aggregation_seconds: float = 1.0
    webhook_url: str | None = None
    webhook_secret: str | None = None
    workspace_name: str = "Sandbox"
    query_limit: int = 10_000
    max_file_bytes: int = 5 * 1024 * 1024
    log_limit: int = 100_000
    pump: bool = True

    def __post_init__(self) -> None:
        """Refuse settings that cannot work.

        Raises:
            ValueError: With one sentence that says what is wrong.
        """
        least = ("requests_per_minute", "query_limit", "log_limit", "max_file_bytes")
        if min(getattr(self, name) for name in least) < 1:
            raise ValueError(f"{', '.join(least[:-1])} and {least[-1]} must be at least 1.")
        if self.latency_ms < 0 or self.aggregation_seconds < 0:
            raise ValueError("latency_ms and aggregation_seconds must not be negative.")
        tokens = [account.token for account in self.accounts if account.token is not None]
        if len(set(tokens)) != len(tokens):
            raise ValueError("Two accounts cannot have the same token.")
        if self.webhook_url is not None and not self.webhook_url.startswith(
            ("http://", "https://")
        ):
            raise ValueError("The webhook url must start with http:// or https://.")
        if not self.accounts or not all(a.name for a in self.accounts):
            raise ValueError("At least one account is needed, and each needs a name.")
        if any(
            not token.isascii() or not token.strip() or token != token.strip() for token in tokens
        ):
            raise ValueError("A token must be plain ASCII text without spaces around it.")
        if len({(a.kind, a.name) for a in self.accounts}) != len(self.accounts):
            raise ValueError("Two accounts of one kind cannot have the same name.")
