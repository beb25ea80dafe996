"""What a channel's file says to a maker, checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError


class Options(BaseModel):
    """Options of a maker; a key that it does not know is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


Given = TypeVar("Given", bound=Options)


def options_of(kind: type[Given], maker: str, given: Mapping[str, Any]) -> Given:
    """The options of a maker.

    Raises:
        ValueError: in one sentence that names the key.
    """
    try:
        return kind.model_validate(dict(given))
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        there = ", ".join(kind.model_fields)
        raise ValueError(f"{key}: is no option of “{maker}”; it has {there}.")
    said = str(fault["msg"]).removeprefix("Value error, ")
    raise ValueError(f"{key}: {said[:1].lower()}{said[1:].rstrip('.')}.")
