"""Channels from `channel_configs/<channel_id>.yaml`, with every fault of the folder reported at once.

The channel's id is the file's name and must equal the option of the board's Channel property exactly (spec 2.1).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from models.errors import ChannelConfigError

ID_MAX = 100
"""Characters: Notion's limit for an option's name and the width of `tasks.channel_id`."""


@dataclass(frozen=True, kw_only=True)
class Channel:
    """One channel videos are made for.

    Attributes:
        id: the file's name without `.yaml`; equals the board's option.
        display_name: the name people read.
        settings: every other key of the file, for the pipeline.
    """

    id: str
    display_name: str
    settings: Mapping[str, Any] = field(default_factory=dict)


def load_configured_channels(folder: Path) -> dict[str, Channel]:
    """The channels of a folder by id.

    Raises:
        ChannelConfigError: naming every file that is wrong and why; nothing is loaded then.
    """
    if not folder.is_dir():
        raise ChannelConfigError(f"{folder} is not a folder: make it and put one <channel_id>.yaml per channel in it.")
    channels: dict[str, Channel] = {}
    faults: list[str] = []
    files = sorted(p for p in folder.iterdir() if p.suffix.lower() in {".yaml", ".yml"})
    for path in files:
        try:
            channel = _load(path)
        except ValueError as fault:
            faults.append(f"{path.name}: {fault}")
            continue
        twin = next((id_ for id_ in channels if id_.lower() == channel.id.lower()), None)
        if twin is not None:
            faults.append(
                f"{path.name}: Notion takes “{channel.id}” and “{twin}” for the same option; rename one file.",
            )
            continue
        channels[channel.id] = channel
    if not files:
        faults.append("no channel is configured: add at least one <channel_id>.yaml.")
    if faults:
        raise ChannelConfigError(f"{folder}: " + " ".join(faults))
    return channels


def _load(path: Path) -> Channel:
    if path.suffix != ".yaml":
        raise ValueError("rename it to end in .yaml.")
    id_ = path.stem
    if "," in id_:
        raise ValueError("the file's name is the option on the board, and Notion's options may not hold a comma.")
    if len(id_) > ID_MAX:
        raise ValueError(f"the file's name has {len(id_)} characters; Notion's options hold {ID_MAX}.")
    content = _parse(path)
    if not isinstance(content, dict):
        raise ValueError("it must be a list of `key: value` lines, one of them display_name.")
    stray = [key for key in content if not isinstance(key, str)]
    if stray:
        raise ValueError(f"the key {stray[0]!r} must be text: put it in quotes.")
    name = content.pop("display_name", None)
    if not isinstance(name, str) or not name.strip():
        raise ValueError("display_name is missing or not text.")
    claimed = content.pop("channel_id", id_)
    if claimed != id_:
        raise ValueError(f"channel_id says {claimed!r}, but the file's name is the id ({id_!r}).")
    return Channel(id=id_, display_name=name.strip(), settings=content)


def _parse(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise ValueError(f"it is not UTF-8 text (byte {error.start}).") from error
    except OSError as error:
        raise ValueError(f"it cannot be read ({error.strerror}).") from error
    except yaml.MarkedYAMLError as error:
        where = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise ValueError(f"{where}{error.problem or 'not YAML'}.") from error
    except yaml.YAMLError as error:
        raise ValueError(f"not YAML ({error}).".replace("\n", " ")) from error
