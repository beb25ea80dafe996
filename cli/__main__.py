"""The entry point of `showrunner`. It handles signals before it imports slow modules."""

from __future__ import annotations

from cli.interrupts import exit_on_signals


def main() -> None:
    """The console script."""
    exit_on_signals()
    from cli.main import main as start  # noqa: PLC0415 - see above

    start()


if __name__ == "__main__":
    main()
