"""Where the command begins: signals are answered before anything that takes a second to load is loaded."""

from __future__ import annotations

from cli.interrupts import leave_at_once_when_told


def main() -> None:
    """The console script."""
    leave_at_once_when_told()
    from cli.main import main as start  # noqa: PLC0415 - see above

    start()


if __name__ == "__main__":
    main()
