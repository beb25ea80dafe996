"""The settings of a sandbox. Nothing here is read from the environment."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

Clock = Callable[[], datetime]
"""Returns the time as an aware datetime in UTC."""

AccountKind = Literal["bot", "person"]


def utc_now() -> datetime:
    """The clock of the machine."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Account:
    """A user of the API.

    Attributes:
        kind: `bot` is a connection and has Notion's request limit. `person` stands for a user of
            Notion's app.
        name: Shown in Notion. It identifies the user together with `kind`, so a new token for the
            same name belongs to the same user.
        token: The bearer token. None keeps the stored one, or makes one.
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
        accounts: The users. Only their tokens are valid.
        requests_per_minute: Limit of each bot in any 60 seconds (Notion: 180, or 600 on Business
            and Enterprise).
        latency_ms: Wait before each answer of the API, in milliseconds.
        aggregation_seconds: How long changes of one page are aggregated before they become webhook
            events.
        webhook_url: Where events are sent. None keeps the stored subscription, if any.
        webhook_secret: The verification token that signs them. None keeps the stored one, or makes
            one.
        workspace_name: Shown in users and webhooks.
        query_limit: Results of one query over all its pages (Notion: 10,000).
        max_file_bytes: Size of an uploaded file (Notion: 5 MiB in a free workspace, else 5 GiB).
        log_limit: How many requests and how many finished deliveries are stored.
        pump: Whether the app delivers webhooks in the background while it is served. Without it,
            call `deliver_due`.
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
        for is_broken, rule in self._rules():
            if is_broken:
                raise ValueError(rule)

    def _rules(self) -> tuple[tuple[bool, str], ...]:
        """Whether each rule of the settings is broken, and its text."""
        at_least_one = ("requests_per_minute", "query_limit", "log_limit", "max_file_bytes")
        names = [(account.kind, account.name) for account in self.accounts]
        tokens = [account.token for account in self.accounts if account.token is not None]
        return (
            (
                min(getattr(self, name) for name in at_least_one) < 1,
                f"{', '.join(at_least_one[:-1])} and {at_least_one[-1]} must be at least 1.",
            ),
            (
                min(self.latency_ms, self.aggregation_seconds) < 0,
                "latency_ms and aggregation_seconds must not be negative.",
            ),
            (len(set(tokens)) != len(tokens), "Two accounts cannot have the same token."),
            (
                not _is_http_url(self.webhook_url),
                "The webhook url must start with http:// or https://.",
            ),
            (
                not all(account.name for account in self.accounts) or not self.accounts,
                "At least one account is needed, and each needs a name.",
            ),
            (
                not all(map(_is_plain, tokens)),
                "A token must be plain ASCII text without spaces around it.",
            ),
            (len(set(names)) != len(names), "Two accounts of one kind cannot have the same name."),
        )


def _is_http_url(url: str | None) -> bool:
    return url is None or url.startswith(("http://", "https://"))


def _is_plain(token: str) -> bool:
    return token.isascii() and token.strip() == token != ""
