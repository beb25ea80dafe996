"""A Notion that lives on your machine.

What a board, its sync and the official clients use of its API and webhooks.

The rules come from Notion's public documentation (developers.notion.com) for version 2026-03-11 and
from published recordings of its answers. What the sandbox does not have, it refuses with status 501
and code `sandbox_unsupported`; it never invents an answer. It shares no code with the rest of the
project, so that it cannot share its mistakes.
"""

from notion_sandbox.config import Account, Config
from notion_sandbox.server.app import Sandbox, create_app

__version__ = "0.1.0"
__all__ = ["Account", "Config", "Sandbox", "__version__", "create_app"]
