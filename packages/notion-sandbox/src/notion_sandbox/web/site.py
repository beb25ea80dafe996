"""The board page's files.

They come from this folder alone, and the page may load nothing from anywhere else.
"""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

_FOLDER = Path(__file__).parent / "page"
_KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src "
        "'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


async def page(_request: Request) -> Response:
    """GET /: the board page."""
    return _file("index.html")


async def page_file(request: Request) -> Response:
    """GET /page/{name}: one of its files, by its path in the folder."""
    return _file(request.path_params["name"])


def _file(name: str) -> Response:
    # Looked up among the files that exist, so that no name leads out of the folder.
    files = (path for path in _FOLDER.rglob("*") if path.suffix in _KINDS)
    found = {path.relative_to(_FOLDER).as_posix(): path for path in files}.get(name)
    if found is None:
        return Response("There is no such file.", 404, headers=_HEADERS, media_type="text/plain")
    return Response(found.read_bytes(), headers={**_HEADERS, "Content-Type": _KINDS[found.suffix]})
