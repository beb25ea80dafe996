"""URLs of uploaded files: each is signed and valid for an hour, as Notion's are."""

import hashlib
import hmac
from datetime import datetime, timedelta
from urllib.parse import quote, urlencode

from notion_sandbox.values.files import FILES_PATH

LIFETIME = timedelta(hours=1)


def signed_url(key: str, base_url: str, upload_id: str, filename: str, expires: datetime) -> str:
    """A URL under which the file is served until it expires."""
    moment = str(int(expires.timestamp()))
    query = urlencode({"expires": moment, "signature": _sign(key, upload_id, moment)})
    return f"{base_url}{FILES_PATH}/{upload_id}/{quote(filename, safe='')}?{query}"


def is_valid(key: str, upload_id: str, expires: str, signature: str, now: datetime) -> bool:
    """Whether a URL was signed with this key and has not expired."""
    expected = _sign(key, upload_id, expires)
    if not hmac.compare_digest(expected.encode(), signature.encode()):
        return False
    return int(expires) > now.timestamp()


def _sign(key: str, upload_id: str, expires: str) -> str:
    return hmac.new(key.encode(), f"{upload_id}:{expires}".encode(), hashlib.sha256).hexdigest()
