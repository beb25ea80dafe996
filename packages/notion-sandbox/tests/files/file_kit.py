"""What the tests of file uploads share."""

from typing import Any

import httpx
from sandbox_harness import BOT, VERSION, Harness

PNG = b"\x89PNG\r\n\x1a\n--not a boundary--\r\n\x00"
MEBIBYTE = 1024 * 1024


async def send(
    box: Harness, upload_id: str, content: bytes, name: str = "cat.png", **fields: str
) -> httpx.Response:
    """POST the form of a part."""
    return await box.http.post(
        f"/v1/file_uploads/{upload_id}/send",
        headers={"Authorization": f"Bearer {BOT}", "Notion-Version": VERSION},
        files={"file": (name, content)},
        data=fields,
    )


async def uploaded(box: Harness, content: bytes = PNG, name: str = "cat.png") -> str:
    """The id of an upload that may be attached."""
    made = await box.ok("POST", "/v1/file_uploads", {"filename": name})
    sent = await send(box, made["id"], content, name)
    assert sent.status_code == 200, sent.text
    return str(made["id"])


def reference(upload_id: str, **more: Any) -> dict[str, Any]:
    """A reference to an upload in a request."""
    return {"type": "file_upload", "file_upload": {"id": upload_id}, **more}
