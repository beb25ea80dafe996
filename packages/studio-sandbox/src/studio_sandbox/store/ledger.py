"""The ledger: each charge of each service, and what is left in each account."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Self

from studio_sandbox.config import Account, Config, Service
from studio_sandbox.store.journal import Entry, Journal

_CHARGE, _ACCOUNT = "charge", "account"
_DECIMALS = 6


@dataclass(frozen=True, kw_only=True)
class Price:
    """What a request costs.

    Attributes:
        units: In the unit of the service.
        unit: `image`, `unit` (Kling), `credit` (ElevenLabs) or `insert` (YouTube's quota).
        usd: US dollars; zero for quota.
    """

    units: float
    unit: str
    usd: float


@dataclass(frozen=True, kw_only=True)
class Reason:
    """What a charge is for.

    Attributes:
        key: Names the request: Kling's `external_task_id`, or the header `X-Client-Request-Id`.
        fingerprint: Of the request without its key: equal requests have equal ones.
        what: In words.
        subject: Id of the job, the answer or the upload.
        file: A file that was made and can be looked at; None when there is none.
    """

    key: str | None
    fingerprint: str
    what: str
    subject: str
    file: str | None = None


@dataclass(frozen=True, kw_only=True)
class Charge:
    """A row of the ledger. A refund has negative amounts, and `refund_of` names its charge."""

    id: int
    service: Service
    account: str
    key: str | None
    fingerprint: str
    what: str
    subject: str
    file: str | None
    units: float
    unit: str
    usd: float
    at: datetime
    refund_of: int | None = None

    def shown(self) -> dict[str, Any]:
        """As JSON."""
        return {**asdict(self), "at": self.at.isoformat()}

    @classmethod
    def read(cls, body: dict[str, Any]) -> Self:
        """From what `shown` returned."""
        return cls(**{**body, "at": datetime.fromisoformat(body["at"]).astimezone(UTC)})


class Ledger:
    """Charges, append-only.

    Args:
        journal: Where they are kept.
        config: The accounts, with the balances that they begin with.
    """

    def __init__(self, journal: Journal, config: Config) -> None:
        self._journal = journal
        for account in config.accounts:
            if journal.get(_ACCOUNT, account.id) is None:
                self.set_balance(account, account.balance)

    def balance(self, account: Account) -> float | None:
        """What is left; None for as much as is asked for."""
        left: float | None = (self._journal.get(_ACCOUNT, account.id) or {}).get("balance")
        return left

    def set_balance(self, account: Account, balance: float | None) -> None:
        """Set what is left, in the unit of the service."""
        self._journal.put((_ACCOUNT, account.id, {"balance": balance}))

    def can_pay(self, account: Account, amount: float) -> bool:
        """Whether so much is left."""
        left = self.balance(account)
        return left is None or left >= amount

    def charge(
        self, account: Account, price: Price, reason: Reason, at: datetime, *others: Entry
    ) -> Charge:
        """Charge an account.

        Args:
            others: Records that exist if and only if the charge does.
        """
        made = Charge(
            id=self._journal.count(_CHARGE) + 1,
            service=account.service,
            account=account.name,
            **asdict(reason),
            units=price.units,
            unit=price.unit,
            usd=round(price.usd, _DECIMALS),
            at=at,
        )
        self._add(account, made, *others)
        return made

    def refund(self, account: Account, charge: Charge, at: datetime, *others: Entry) -> None:
        """Give back what was charged."""
        amounts = {"units": -charge.units, "usd": -charge.usd, "refund_of": charge.id}
        number = self._journal.count(_CHARGE) + 1
        made = Charge(**{**asdict(charge), **amounts, "id": number, "at": at})
        self._add(account, made, *others)

    def _add(self, account: Account, made: Charge, *others: Entry) -> None:
        left = self.balance(account)
        if left is not None:
            amount = made.usd if account.service == "gemini" else made.units
            left = round(left - amount, _DECIMALS)
        self._journal.put(
            (_CHARGE, str(made.id), made.shown()),
            (_ACCOUNT, account.id, {"balance": left}),
            *others,
        )

    def get(self, number: int) -> Charge:
        """A charge by its id."""
        return Charge.read(self._journal.get(_CHARGE, str(number)) or {})

    def all(self) -> Iterator[Charge]:
        """Every row, oldest first."""
        return (Charge.read(body) for _, body in self._journal.all(_CHARGE))
