"""notion-client sends a file and reads it back."""

from typing import Any

import httpx
from notion_client import Client


def test_the_python_client_uploads_and_attaches_a_file(
    notion: Client, facts: dict[str, Any]
) -> None:
    made: Any = notion.file_uploads.create(filename="notes.txt")
    sent: Any = notion.file_uploads.send(made["id"], file=("notes.txt", b"hello", "text/plain"))
    assert sent["status"] == "uploaded"
    root = facts["root_page_id"]
    block = {"type": "file", "file": {"type": "file_upload", "file_upload": {"id": made["id"]}}}
    added: Any = notion.blocks.children.append(root, children=[block])
    url = added["results"][0]["file"]["file"]["url"]
    assert httpx.get(url, trust_env=False).text == "hello"
    listed: Any = notion.file_uploads.list(status="uploaded")
    assert made["id"] in [item["id"] for item in listed["results"]]
