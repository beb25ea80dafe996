"""File uploads: their description, their content, and until when they may be attached."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from notion_sandbox.store.storage import Storage
from notion_sandbox.values.types import Json

_TIMES = ("created_at", "edited_at", "expires_at")


@dataclass(frozen=True, slots=True)
class FileUpload:
    """A file on its way into the workspace, or in it.

    Attributes:
        id: Its UUID.
        mode: `single_part`, `multi_part` or `external_url`.
        status: `pending`, `uploaded`, `expired` or `failed`.
        filename: None until it is known.
        content_type: Its MIME type; None until it is known.
        created_at: When it was created.
        created_by: The user's id.
        edited_at: When it changed last.
        expires_at: Until when it must be attached; None once it is.
        declared_type: The MIME type that the request which made it named, if any.
        content_length: Bytes; None until all parts were sent.
        parts: For `multi_part`, how many there will be.
        sizes: Bytes of each part that was sent, by its number as text.
        external_url: For `external_url`, where it is fetched from.
        import_result: For `external_url`, the result of fetching it, as responses carry it.
    """

    id: str
    mode: str
    status: str
    filename: str | None
    content_type: str | None
    created_at: datetime
    created_by: str
    edited_at: datetime
    expires_at: datetime | None
    declared_type: str | None = None
    content_length: int | None = None
    parts: int | None = None
    sizes: dict[str, int] = field(default_factory=dict)
    external_url: str | None = None
    import_result: Json | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether it expires unless it is attached."""
        return self.expires_at is not None and self.status in ("pending", "uploaded")

    @property
    def is_import(self) -> bool:
        """Whether it must still be fetched from a URL."""
        return self.external_url is not None and self.status == "pending"

    def is_due(self, now: datetime) -> bool:
        """Whether its time to be attached is over."""
        return self.expires_at is not None and self.expires_at <= now


class FileUploads:
    """The uploads of a sandbox with their contents.

    Args:
        storage: The state file.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._found = {key: _load(body) for key, body in storage.all("file_upload")}
        self._waiting = {key for key, upload in self._found.items() if upload.is_waiting}

    def __iter__(self) -> Iterator[FileUpload]:
        """Every upload, in the order they were made."""
        return iter(self._found.values())

    def get(self, upload_id: str) -> FileUpload | None:
        """An upload, if it exists."""
        return self._found.get(upload_id)

    def waiting(self) -> list[FileUpload]:
        """Those that expire unless they are attached."""
        return [self._found[key] for key in self._waiting]

    def due(self, now: datetime) -> list[FileUpload]:
        """Those whose time to be attached is over."""
        return [upload for upload in self.waiting() if upload.is_due(now)]

    def put(self, upload: FileUpload) -> None:
        """Store a new or changed upload."""
        self._found[upload.id] = upload
        if upload.is_waiting:
            self._waiting.add(upload.id)
        else:
            self._waiting.discard(upload.id)
        self._storage.put("file_upload", upload.id, _dump(upload))

    def put_part(self, upload_id: str, number: int, content: bytes) -> None:
        """Store the content of one part; a part that is sent again replaces the first."""
        self._storage.put_file(upload_id, number, content)

    def content(self, upload_id: str) -> bytes:
        """The whole content, its parts in order."""
        return b"".join(self._storage.files(upload_id))

    def drop_content(self, upload_id: str) -> None:
        """Delete the content."""
        self._storage.delete_files(upload_id)


def _dump(upload: FileUpload) -> dict[str, Any]:
    body = asdict(upload)
    return body | {key: body[key] and body[key].isoformat() for key in _TIMES}


def _load(body: dict[str, Any]) -> FileUpload:
    times = {key: body[key] and datetime.fromisoformat(body[key]) for key in _TIMES}
    return FileUpload(**{**body, **times})
