"""Forms with files, as `multipart/form-data` carries them (RFC 7578)."""

from dataclasses import dataclass
from email.message import Message

from notion_sandbox.errors import NotionError, validation_error

MAX_FORM = 20 * 1024 * 1024 + 100_000
"""Bytes of a form: a part of a file has at most 20 MiB."""
_MAX_FIELDS = 20


@dataclass(frozen=True, slots=True)
class FormField:
    """One field: its bytes, and for a file its name and MIME type where the form gives them."""

    content: bytes
    filename: str | None = None
    content_type: str | None = None

    @property
    def text(self) -> str:
        """The content as text."""
        return self.content.decode(errors="replace")


def parse_form(content_type: str, raw: bytes | None) -> dict[str, FormField]:
    """The fields of a form by name.

    Raises:
        NotionError: validation_error for anything else, or for too large a form.
    """
    header = _header(content_type)
    boundary = header.get_param("boundary")
    if header.get_content_type() != "multipart/form-data" or not isinstance(boundary, str):
        raise NotionError(
            400,
            "invalid_request",
            "The Content-Type should be multipart/form-data with a boundary.",
        )
    if raw is None:
        raise validation_error("A part of a file may have at most 20 MiB.")
    fields: dict[str, FormField] = {}
    # The first piece is before the first boundary, the last after the end of the form.
    _, *pieces = (b"\r\n" + raw).split(b"\r\n--" + boundary.encode())
    if not 0 < len(pieces) <= _MAX_FIELDS or not pieces[-1].startswith(b"--"):
        raise validation_error("The form is not complete.")
    for piece in pieces[:-1]:
        head, _, content = piece.partition(b"\r\n\r\n")
        name, field = _field(head.decode(errors="replace"), content)
        fields[name] = field
    return fields


def _field(head: str, content: bytes) -> tuple[str, FormField]:
    lines = (line.partition(":") for line in head.split("\r\n"))
    headers = {name.strip().lower(): value.strip() for name, _, value in lines}
    disposition = _header(headers.get("content-disposition", ""), "content-disposition")
    name = disposition.get_param("name", "", header="content-disposition")
    filename = disposition.get_filename()
    if filename is not None:
        # Clients write a quotation mark in this way (WHATWG: multipart/form-data).
        filename = filename.replace("%22", '"')
    return str(name), FormField(content, filename, headers.get("content-type"))


def _header(value: str, name: str = "content-type") -> Message:
    message = Message()
    message[name] = value.replace("\r", " ").replace("\n", " ")
    return message
