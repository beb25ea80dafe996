"""The settings of a sandbox. Nothing here is read from the environment."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

Clock = Callable[[], datetime]
"""Returns the time as an aware datetime in UTC."""

Service = Literal["gemini", "kling", "elevenlabs", "youtube"]
SERVICES: tuple[Service, ...] = ("gemini", "kling", "elevenlabs", "youtube")


def utc_now() -> datetime:
    """The clock of the machine."""
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class Account:
    """An account with a service.

    Attributes:
        service: Which one.
        name: Shown in the ledger; identifies the account together with `service`.
        key: Gemini and ElevenLabs: the API key. Kling: the access key. YouTube: the client id.
        secret: Kling: the secret key. YouTube: the client secret.
        balance: What is left, in US dollars (Gemini), units (Kling) or credits (ElevenLabs); None
            for as much as is asked for. A balance that was set later is kept.
        at_once: Kling: jobs from submission to end. ElevenLabs: requests being answered.
        postpaid: Kling: without money the answer is 1101 (arrears) instead of 1102 (empty pack).
    """

    service: Service
    name: str
    key: str
    secret: str = ""
    balance: float | None = None
    at_once: int = 5
    postpaid: bool = False

    @property
    def id(self) -> str:
        """Service and name."""
        return f"{self.service}/{self.name}"


ACCOUNTS = (
    Account(service="gemini", name="studio", key="studio-gemini-key"),
    Account(
        service="kling",
        name="studio",
        key="studio-kling-access-key",
        secret="studio-kling-secret-key-of-32-bytes",  # noqa: S106 - the same for everybody
    ),
    Account(service="elevenlabs", name="studio", key="studio-elevenlabs-key"),
    Account(
        service="youtube",
        name="studio",
        key="studio-client.apps.googleusercontent.com",
        secret="studio-client-secret",  # noqa: S106 - the same for everybody
    ),
)
"""One account with each service. The keys are the same everywhere, since they protect nothing."""

REFRESH_TOKEN = "studio-youtube-refresh-token"  # noqa: S105 - the same for everybody


@dataclass(frozen=True, kw_only=True)
class Config:
    """The settings of one sandbox.

    Attributes:
        data: The journal file; files lie in a folder beside it. None keeps nothing.
        accounts: At least one for each service that is used. Only their keys are valid.
        kling_queue_seconds: How long a job is `submitted`.
        kling_job_seconds: How long after its submission it ends.
        kling_found_after_seconds: How long after its submission a job is found by a query or list.
        kling_url_seconds: How long the URL of a result is valid.
        channels: Titles of the YouTube channels that the authorization page offers.
        refresh_token: Belongs to the first channel from the start; None for no such token.
        inserts_per_day: Quota of `videos.insert` of each project.
        session_seconds: How long an upload session is valid.
        listed_after_seconds: How long after its upload a video appears in a list.
        audited: Whether the API project passed YouTube's audit. Without it all videos are private.
        log_limit: How many requests are remembered.
    """

    data: Path | None = None
    accounts: tuple[Account, ...] = ACCOUNTS
    kling_queue_seconds: float = 2.0
    kling_job_seconds: float = 20.0
    kling_found_after_seconds: float = 0.0
    kling_url_seconds: float = 24 * 3600.0
    channels: tuple[str, ...] = ("Sandbox channel",)
    refresh_token: str | None = REFRESH_TOKEN
    inserts_per_day: int = 100
    session_seconds: float = 24 * 3600.0
    listed_after_seconds: float = 0.0
    audited: bool = True
    log_limit: int = 10_000

    def __post_init__(self) -> None:
        """Refuse settings that cannot work.

        Raises:
            ValueError: With one sentence that says what is wrong.
        """
        ids = [account.id for account in self.accounts]
        keys = [(account.service, account.key) for account in self.accounts]
        spans = (
            self.kling_queue_seconds,
            self.kling_job_seconds - self.kling_queue_seconds,
            self.kling_found_after_seconds,
            self.kling_url_seconds,
            self.session_seconds,
            self.listed_after_seconds,
        )
        rules = (
            (len(set(ids)) != len(ids), "Two accounts of a service cannot have the same name."),
            (len(set(keys)) != len(keys), "Two accounts of a service cannot have the same key."),
            (min(spans) < 0, "Seconds must not be negative, and a job ends after its queue."),
            (not self.channels or not all(self.channels), "A channel needs a title."),
            (self.log_limit < 1, "log_limit must be at least 1."),
        )
        for is_broken, rule in rules:
            if is_broken:
                raise ValueError(rule)

    def account(self, service: Service, key: str) -> Account | None:
        """The account with a key; None when there is none."""
        found = (one for one in self.accounts if (one.service, one.key) == (service, key))
        return next(found, None)
