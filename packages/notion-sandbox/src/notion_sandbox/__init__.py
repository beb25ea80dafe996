"""An emulated Notion for tests: its REST API and its webhooks, on your machine.

The rules come from Notion's public documentation (developers.notion.com) for version 2026-03-11 and
from published recordings of its answers. What the sandbox does not support is refused with status
501 and code `sandbox_unsupported`, never answered with a guess.
"""

from notion_sandbox.config import Account, Config
from notion_sandbox.server.app import Sandbox, create_app

__version__ = "0.1.0"
__all__ = ["Account", "Config", "Sandbox", "__version__", "create_app"]
