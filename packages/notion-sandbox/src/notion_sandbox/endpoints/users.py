"""Endpoints for users.

Source: Notion's "Retrieve your token's bot user", "List all users", "Retrieve a user".
"""

from typing import Any

from notion_sandbox.request.call import Call
from notion_sandbox.request.lists import list_answer, piece_of_query
from notion_sandbox.store.state import render_user


def retrieve_me(call: Call) -> dict[str, Any]:
    """GET /v1/users/me: the user of the token."""
    return render_user(call.user, call.state.meta)


def list_users(call: Call) -> dict[str, Any]:
    """GET /v1/users: all users of the API, connections too."""
    shown, cursor = piece_of_query(call, "users", list(call.state.users.values()))
    return list_answer("user", [render_user(user, call.state.meta) for user in shown], cursor)


def retrieve_user(call: Call) -> dict[str, Any]:
    """GET /v1/users/{user_id}."""
    return render_user(call.other_user(call.path_id("user_id")), call.state.meta)
