"""What `showrunner up` runs: its settings, its child processes, and the addresses of its parts."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

from cli.stack.processes import Child, Ledger
from cli.stack.running_stack import PROCESSES
from models.postgres.embedded import EmbeddedPostgres
from models.settings import Settings


@dataclass
class Stack:
    """What is running, in the order in which it was started.

    Attributes:
        environment: the settings that every child gets, and other commands read.
        postgres: the embedded database server; None when the operator configured another one.
    """

    settings: Settings
    children: list[Child] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict, repr=False)
    postgres: EmbeddedPostgres | None = None

    @property
    def folder(self) -> Path:
        """Where everything started here keeps its data."""
        return self.settings.state_dir.resolve()

    @property
    def prefect_url(self) -> str:
        """The Prefect server's address, without `/api`."""
        own = f"http://127.0.0.1:{self.settings.prefect_port}"
        return (self.settings.prefect_api_url or own).removesuffix("/").removesuffix("/api")

    @property
    def login(self) -> str | None:
        """The login of Prefect's server, `user:password`; None when it has none."""
        given = self.settings.prefect_login
        if given is None:
            return None
        return ":".join(given)

    @property
    def ledger(self) -> Ledger:
        """The file with the process ids of the children."""
        return Ledger(self.folder / PROCESSES)

    def child(
        self, name: str, *command: str, ready: str | None = None, **environment: str
    ) -> Child:
        """Add a child process of this Python, which logs to the state folder. It is not started."""
        logs = self.folder / "logs"
        logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        logs.chmod(0o700)  # An earlier version made it readable for others.
        child = Child(
            name=name,
            command=[sys.executable, *command],
            environment={**self.environment, **environment},
            log=logs / f"{name}.log",
            ready=ready,
        )
        self.children.append(child)
        return child

    async def start(self, child: Child) -> None:
        """Start a child. The ledger has it from its first moment on, also when it fails."""
        try:
            await child.start()
        finally:
            self.ledger.write(self.children)
