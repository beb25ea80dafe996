"""What an upload says of its video, checked. Source: "Videos: insert", "Videos" (resource)."""

from typing import Any

from studio_sandbox.services.youtube.errors import youtube_error

_TITLE, _DESCRIPTION, _TAGS = 100, 5000, 500
_PRIVACY = ("private", "public", "unlisted")


def metadata(body: dict[str, Any] | None) -> dict[str, Any]:
    """Snippet and status of a video.

    Raises:
        ServiceError: 400.
    """
    if body is None:
        raise youtube_error("badRequest", "Parse Error")
    snippet, status = _object(body.get("snippet")), _object(body.get("status"))
    title, description = snippet.get("title"), snippet.get("description", "")
    if not isinstance(title, str) or not _is_text(title, _TITLE) or not title.strip():
        raise youtube_error("invalidTitle")
    if not isinstance(description, str) or not _is_text(description, _DESCRIPTION):
        raise youtube_error("invalidDescription")
    if len(description.encode()) > _DESCRIPTION:
        raise youtube_error("invalidDescription")
    privacy = status.get("privacyStatus", "public")
    if privacy not in _PRIVACY:
        raise youtube_error("invalidVideoMetadata", "privacyStatus is invalid.")
    made: dict[str, Any] = {
        "uploadStatus": "uploaded",
        "privacyStatus": privacy,
        "license": "youtube",
        "embeddable": True,
    }
    for name in ("containsSyntheticMedia", "selfDeclaredMadeForKids"):
        if name in status:
            if not isinstance(status[name], bool):
                raise youtube_error("invalidVideoMetadata", f"{name} must be true or false.")
            made[name] = status[name]
    described = {
        "title": title,
        "description": description,
        "tags": _tags(snippet.get("tags", [])),
        "categoryId": str(snippet.get("categoryId", "22")),
    }
    return {"snippet": described, "status": made}


def _object(value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise youtube_error("invalidVideoMetadata")
    return value


def _is_text(value: Any, most: int) -> bool:
    return isinstance(value, str) and len(value) <= most and not set(value) & set("<>")


def _tags(value: Any) -> list[str]:
    """Tags; commas and the quotation marks of a tag with a blank count as characters."""
    if not isinstance(value, list) or not all(isinstance(tag, str) for tag in value):
        raise youtube_error("invalidTags")
    length = sum(len(tag) + 2 * (" " in tag) for tag in value) + max(0, len(value) - 1)
    if length > _TAGS or any(set(tag) & set("<>") for tag in value):
        raise youtube_error("invalidTags")
    return value
