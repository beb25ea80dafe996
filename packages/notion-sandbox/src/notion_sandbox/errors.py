"""Notion's error answers, with its codes and wording.

Source: Notion's "Status codes" page and recorded answers. The body is
`{"object": "error", "status": int, "code": str, "message": str, "request_id": uuid}` and, for some,
`additional_data` (values are strings or lists of strings).
"""

import json
from collections.abc import Mapping
from typing import Any

_MAX_SHOWN = 100

TRASHED = "Can't edit block that is archived. You must unarchive the block before editing."
"""Notion's message for a write to something in the trash; it says "block" of pages too."""


class NotionError(Exception):
    """An answer other than 2xx.

    Args:
        status: The HTTP status.
        code: Notion's code, such as `validation_error`.
        message: The sentence that a client logs.
        additional_data: Extra facts that Notion documents for this code.
        headers: Response headers, such as Retry-After.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        additional_data: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.additional_data = additional_data
        self.headers = dict(headers or {})

    def body(self, request_id: str) -> dict[str, Any]:
        """The JSON body as Notion orders it."""
        body: dict[str, Any] = {
            "object": "error",
            "status": self.status,
            "code": self.code,
            "message": self.message,
        }
        if self.additional_data is not None:
            body["additional_data"] = dict(self.additional_data)
        return {**body, "request_id": request_id}


def validation_error(message: str) -> NotionError:
    """400 `validation_error`: well-formed JSON that breaks a rule."""
    return NotionError(400, "validation_error", message)


def body_error(problem: str) -> NotionError:
    """400 for a body whose shape is wrong.

    `problem` starts with the path, such as `body.properties.X.number`.
    """
    return validation_error(f"body failed validation: {problem}")


def shape_error(path: str, expected: str, value: Any) -> NotionError:
    """400 in Notion's wording: "<path> should be <expected>, instead was `<JSON of value>`"."""
    return body_error(f"{path} should be {expected}, instead was `{shown(value)}`.")


def missing_error(path: str) -> NotionError:
    """400 for a field that is required and absent."""
    return body_error(f"{path} should be defined, instead was `undefined`.")


def bad_cursor(cursor: str) -> NotionError:
    """400 for a cursor of another list, or an invalid one."""
    return validation_error(f"The start_cursor provided is invalid: {cursor}")


def shown(value: Any) -> str:
    """A value as Notion quotes it in a message: JSON, cut so that a message stays readable."""
    text = json.dumps(value, ensure_ascii=False)
    if len(text) > _MAX_SHOWN:
        return f"{text[: _MAX_SHOWN - 3]}..."
    return text


def not_found(kind: str, object_id: str, *, user_id: str, user_name: str) -> NotionError:
    """404: missing and not shared are the same answer.

    `kind` is page, database, data_source, user or property.
    """
    return NotionError(
        404,
        "object_not_found",
        f"Could not find {kind} with ID: {object_id}. Make sure the relevant pages and databases "
        "are shared with your "
        f'integration "{user_name}".',
        additional_data={"integration_id": user_id},
    )


def rate_limited(retry_after: int) -> NotionError:
    """429 with Retry-After in whole seconds (Notion: "Request limits")."""
    return NotionError(
        429,
        "rate_limited",
        "You have been rate limited. Please try again in a few minutes.",
        additional_data={
            "rate_limit_reason": "public_api_request_rate_limit",
            "retry_after": str(retry_after),
        },
        headers={"Retry-After": str(retry_after)},
    )


def unsupported(what: str) -> NotionError:
    """501 `sandbox_unsupported`: Notion has it, the sandbox does not support it."""
    return NotionError(501, "sandbox_unsupported", f"The sandbox does not have {what}.")
