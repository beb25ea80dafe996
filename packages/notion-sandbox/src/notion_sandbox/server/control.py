"""The sandbox's own endpoints under /sandbox: the log of requests, and the webhook subscription.

They need no token: every program that reaches the port may use them. A web page of another site may
not (`server.own_site`), and a POST must have `Content-Type: application/json`.
"""

import json
from operator import attrgetter
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from notion_sandbox.config import Clock
from notion_sandbox.errors import NotionError, validation_error
from notion_sandbox.request.http_json import json_response
from notion_sandbox.server.api import Api
from notion_sandbox.server.feed_publisher import show_delivery
from notion_sandbox.store.state import State
from notion_sandbox.webhooks.delivery import Sender
from notion_sandbox.webhooks.outbox import Outbox

_MAX_BODY = 100_000
_SHOWN_DELIVERIES = 100


class Control:
    """The endpoints under /sandbox.

    Args:
        api: The API with its log of requests.
        limit: Requests of a connection in a minute.
        state: The objects.
        outbox: The webhook subscription.
        sender: Sends the handshake.
        clock: The time.
    """

    def __init__(
        self, api: Api, *, limit: int, state: State, outbox: Outbox, sender: Sender, clock: Clock
    ) -> None:
        self._api = api
        self._limit = limit
        self._state = state
        self._outbox = outbox
        self._sender = sender
        self._clock = clock

    async def requests(self, request: Request) -> Response:
        """GET /sandbox/requests?since=N: counts, the limit, and the logged requests after N."""
        try:
            since = int(request.query_params.get("since", "0"))
        except ValueError:
            return self._refused(validation_error("since must be a whole number."))
        log = self._api.log
        names = {"": "", **{user.id: user.name for user in self._state.users.values()}}
        by_user = sorted(log.by_user.items())
        totals = {
            "received": log.total,
            "by_status": {str(status): count for status, count in sorted(log.by_status.items())},
            "by_endpoint": dict(sorted(log.by_endpoint.items())),
            "by_user": {names[user_id]: count for user_id, count in by_user},
        }
        return self._ok(
            {
                "totals": totals,
                "requests_per_minute": self._limit,
                "last": log.total,
                "requests": log.since(since),
            }
        )

    async def webhook(self, request: Request) -> Response:
        """POST /sandbox/webhook {"url": str | null, "secret"?: str}: where events are sent.

        Null switches them off. Answers with a new secret, once; with null if the secret was kept.
        """
        try:
            body = await read_json(request)
            url, secret = _subscription(body)
        except NotionError as error:
            return self._refused(error)
        before = (self._outbox.subscription or {}).get("secret")
        subscription = self._outbox.subscribe(url, secret)
        self._state.commit()
        self._sender.wake()
        shown = subscription or {}
        chosen = shown.get("secret")
        was_kept = secret is None and chosen == before
        return self._ok(
            {
                "url": shown.get("url"),
                "secret": None if was_kept else chosen,
                "subscription_id": shown.get("id"),
            }
        )

    async def handshake(self, request: Request) -> Response:
        """POST /sandbox/webhook/handshake {}: sends the verification token once.

        Answers with the status or the error of the subscriber's answer.
        """
        try:
            await read_json(request)
            if self._outbox.subscription is None:
                raise validation_error(
                    "There is no webhook url. Set it first with POST /sandbox/webhook."
                )
        except NotionError as error:
            return self._refused(error)
        status, failure = await self._sender.handshake()
        return self._ok({"status": status, "error": failure})

    async def webhooks(self, _request: Request) -> Response:
        """GET /sandbox/webhooks: the subscription without its secret, and the newest deliveries."""
        subscription = self._outbox.subscription or {}
        pending = list(self._outbox.pending.values())
        deliveries = sorted([*self._outbox.finished, *pending], key=attrgetter("number"))
        last = deliveries[-_SHOWN_DELIVERIES:]
        return self._ok(
            {
                "url": subscription.get("url"),
                "subscription_id": subscription.get("id"),
                "gathering": len(self._outbox.windows),
                "pending": len(pending),
                "deliveries": [show_delivery(item) for item in reversed(last)],
            }
        )

    def _ok(self, body: dict[str, Any]) -> Response:
        return json_response(body, 200, self._clock())

    def _refused(self, error: NotionError) -> Response:
        return json_response(
            {"status": error.status, "message": error.message}, error.status, self._clock()
        )


def _subscription(body: dict[str, Any]) -> tuple[str | None, str | None]:
    if "url" not in body:
        raise validation_error(
            'The body must have "url": a string, or null to switch webhooks off.'
        )
    url, secret = body["url"], body.get("secret")
    if url is not None and not (isinstance(url, str) and url.startswith(("http://", "https://"))):
        raise validation_error("url must start with http:// or https://, or be null.")
    if secret is not None and not (isinstance(secret, str) and secret):
        raise validation_error("secret must be a non-empty string, or absent.")
    return url, secret


async def read_json(request: Request) -> dict[str, Any]:
    """The JSON object of a POST to the sandbox's own endpoints.

    Raises:
        NotionError: It is not one, or its content type is another.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise NotionError(415, "validation_error", "Send Content-Type: application/json.")
    raw = await request.body()
    try:
        body = json.loads(raw[:_MAX_BODY] or b"{}")
    except (ValueError, RecursionError):
        raise validation_error("The body is not JSON.") from None
    if not isinstance(body, dict):
        raise validation_error("The body must be a JSON object.")
    return body
