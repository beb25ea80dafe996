"""Gemini, Kling, ElevenLabs and YouTube for tests, over HTTP, with a ledger of charges.

What the sandbox does not emulate is refused with status 501, never answered with a guess. The
README lists which rules were not verified against the services.
"""

from studio_sandbox.config import Account, Config
from studio_sandbox.server.app import Sandbox, create_app

__version__ = "0.1.0"
__all__ = ["Account", "Config", "Sandbox", "__version__", "create_app"]
