"""The types of files that Notion accepts, by extension.

Source: Notion's "Working with files and media", supported file types.
"""

from pathlib import PurePosixPath

_TYPES = {
    "audio/aac": ".aac .adts",
    "audio/midi": ".mid .midi",
    "audio/mpeg": ".mp3 .mpga",
    "audio/mp4": ".m4a .m4b",
    "audio/ogg": ".oga .ogg",
    "audio/wav": ".wav",
    "audio/x-ms-wma": ".wma",
    "application/pdf": ".pdf",
    "text/plain": ".txt",
    "application/json": ".json",
    "application/msword": ".doc .dot",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.template": ".dotx",
    "application/vnd.ms-excel": ".xls .xlt .xla",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.template": ".xltx",
    "application/vnd.ms-powerpoint": ".ppt .pot .pps .ppa",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": ".pptx",
    "application/vnd.openxmlformats-officedocument.presentationml.template": ".potx",
    "image/gif": ".gif",
    "image/heic": ".heic",
    "image/jpeg": ".jpeg .jpg",
    "image/png": ".png",
    "image/svg+xml": ".svg",
    "image/tiff": ".tif .tiff",
    "image/webp": ".webp",
    "image/vnd.microsoft.icon": ".ico",
    "video/x-amv": ".amv",
    "video/x-ms-asf": ".asf .wmv",
    "video/x-msvideo": ".avi",
    "video/x-f4v": ".f4v",
    "video/x-flv": ".flv",
    "video/mp4": ".mp4 .m4v .gifv",
    "video/x-matroska": ".mkv",
    "video/webm": ".webm",
    "video/quicktime": ".mov .qt",
    "video/mpeg": ".mpeg",
}
_BY_EXTENSION = {
    extension: kind for kind, extensions in _TYPES.items() for extension in extensions.split()
}
_ALSO = {"application/mp4": "video/mp4", "image/x-icon": "image/vnd.microsoft.icon"}
"""Other names of the same types."""


def base_type(content_type: str) -> str:
    """A MIME type without its parameters; for types with several names, the first."""
    bare = content_type.partition(";")[0].strip().lower()
    return _ALSO.get(bare, bare)


def type_of(filename: str) -> str | None:
    """The MIME type of a file name's extension; None for one that Notion does not accept."""
    return _BY_EXTENSION.get(PurePosixPath(filename).suffix.lower())


def extension_of(content_type: str) -> str | None:
    """The extension of a MIME type; None for one that Notion does not accept."""
    extensions = _TYPES.get(base_type(content_type), "").split()
    return next(iter(extensions), None)
