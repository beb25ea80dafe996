"""YouTube's errors: HTTP status, domain and message by reason."""

from typing import Any, Final

from studio_sandbox.errors import ServiceError

_ERRORS: Final = {
    "quotaExceeded": (
        *(403, "youtube.quota"),
        "The request cannot be completed because you have exceeded your quota.",
    ),
    "uploadLimitExceeded": (
        *(400, "youtube.video"),
        "The user has exceeded the number of videos they may upload.",
    ),
    "rateLimitExceeded": (429, "global", "Too many requests in a short time."),
    "authError": (401, "global", "Invalid Credentials"),
    "forbidden": (403, "global", "Access forbidden."),
    "insufficientPermissions": (
        *(403, "global"),
        "Request had insufficient authentication scopes.",
    ),
    "backendError": (500, "global", "Backend Error"),
    "serviceUnavailable": (503, "global", "The service is currently unavailable."),
    "invalidTitle": (
        *(400, "youtube.video"),
        "The request metadata specifies an invalid or empty video title.",
    ),
    "invalidDescription": (
        *(400, "youtube.video"),
        "The request metadata specifies an invalid video description.",
    ),
    "invalidTags": (
        *(400, "youtube.video"),
        "The request metadata specifies invalid video keywords.",
    ),
    "invalidVideoMetadata": (400, "youtube.video", "The request metadata is invalid."),
    "badRequest": (400, "global", "Bad Request"),
    "notFound": (404, "global", "Not Found"),
    "gone": (410, "global", "The upload session is not available any more."),
    "playlistNotFound": (
        *(404, "youtube.playlistItem"),
        "The playlist identified with the request's playlistId parameter cannot be found.",
    ),
    "notEmulated": (501, "global", "studio-sandbox does not emulate this."),
}


def youtube_error(reason: str, message: str | None = None) -> ServiceError:
    """An error in the form of YouTube, or of Google's token endpoint."""
    if reason == "invalid_grant":
        return oauth_error(reason, "Token has been expired or revoked.")
    status, domain, usual = _ERRORS[reason]
    words = message or usual
    errors = [{"message": words, "domain": domain, "reason": reason}]
    body: dict[str, Any] = {"error": {"code": status, "message": words, "errors": errors}}
    return ServiceError(status, body)


def oauth_error(error: str, description: str, status: int = 400) -> ServiceError:
    """An error of the token endpoint. Source: RFC 6749, 5.2."""
    return ServiceError(status, {"error": error, "error_description": description})
