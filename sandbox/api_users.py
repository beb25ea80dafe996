"""Endpoints for users (Notion: "Retrieve your token's bot user", "Retrieve a user")."""

from typing import Any

from sandbox.call import Call
from sandbox.state import render_user


def retrieve_me(call: Call) -> dict[str, Any]:
    """GET /v1/users/me: whose token this is."""
    return render_user(call.user, call.state.meta)


def retrieve_user(call: Call) -> dict[str, Any]:
    """GET /v1/users/{user_id}."""
    user_id = call.path_id("user_id")
    if user_id not in call.state.users:
        raise call.missing("user", user_id)
    return render_user(call.state.users[user_id], call.state.meta)
