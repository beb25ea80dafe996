"""Channels from `channel_configs/<channel_id>.yaml`: which can be used, and what is wrong.

The channel's id is the file's name and must be the option of the board's Channel property
(spec 2.1); `name_key` defines which names are the same. A wrong file disables its own channel only,
and not even that if it was right before: its last valid content counts.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import yaml

from models.errors import ChannelConfigError

ID_MAX = 100
"""Characters: Notion's limit for an option's name and the width of `tasks.channel_id`."""
TEXT_MAX: Final = 64 * 1024
"""Characters of a file."""
CheckSettings = Callable[[Mapping[str, Any]], None]
"""Raises ValueError, with a sentence, for settings that cannot be used."""
_OF_EDITORS: Final = (".", "#", "~")
"""How hidden files, locks, swap files and backups begin; those that end otherwise (`x.yaml~`) are
no YAML files."""


@dataclass(frozen=True, kw_only=True)
class Channel:
    """One channel that videos are made for.

    Attributes:
        id: the file's name without `.yaml`, in the composed form of Unicode (NFC); the board's
            option.
        display_name: the name that users read.
        settings: every other key of the file, for the pipeline.
        text: the file's content.
    """

    id: str
    display_name: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    text: str = field(default="", compare=False, repr=False)


@dataclass(frozen=True, kw_only=True)
class ChannelFault:
    """A file that is wrong.

    Attributes:
        file: its name.
        id: the channel that it would define.
        reason: what is wrong, with the line if YAML reports one.
    """

    file: str
    id: str
    reason: str

    def __str__(self) -> str:
        """One sentence."""
        return f"{self.file}: {self.reason}"


@dataclass(frozen=True, kw_only=True)
class ChannelFolder:
    """The content of a channel folder.

    Attributes:
        channels: those that can be used, by id.
        faults: the files that are wrong.
    """

    path: Path = field(default_factory=Path)
    channels: Mapping[str, Channel]
    faults: tuple[ChannelFault, ...] = ()

    def with_last_good(self, ids: Iterable[str], texts: Mapping[str, str]) -> ChannelFolder:
        """The folder with the last valid content of the files that are wrong.

        Args:
            ids: the channels that were configured last.
            texts: the content of their files, by id, as far as it was kept.
        """
        kept = dict(self.channels)
        configured = set(ids)
        for id_ in {fault.id for fault in self.faults if fault.id in configured}:
            if channel_named(id_, kept) is None:
                kept[id_] = _last_good(id_, texts.get(id_, ""))
        return replace(self, channels=kept)

    def usable(self) -> ChannelFolder:
        """The folder itself.

        Raises:
            ChannelConfigError: when no channel in it can be used, with every wrong file and why.
        """
        if self.channels:
            return self
        reasons = [str(fault) for fault in self.faults] or [
            "no channel is configured: add at least one <channel_id>.yaml."
        ]
        raise ChannelConfigError(f"{self.path}: " + " ".join(reasons))


def name_key(name: str) -> str:
    """A key that is equal for names that users read as the same.

    Unicode's composed form, whatever form a file system or a keyboard made; without blanks around
    it; in lower case, because Notion treats options that differ only in case as one.
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).strip().lower())


def channel_named(name: str | None, among: Iterable[str]) -> str | None:
    """The one of those names with the same `name_key`, preferably the same spelling; or None."""
    if name is None:
        return None
    names = list(among)
    if name in names:
        return name
    key = name_key(name)
    return next((one for one in names if name_key(one) == key), None)


def read_channels(
    folder: Path, configured: Collection[str] = (), *, check: CheckSettings | None = None
) -> ChannelFolder:
    """Read the channels of a folder, and the files in it that are wrong.

    Args:
        configured: ids of the channels that were configured last. Of two files whose ids Notion
            takes for the same option, the one of such an id counts and the other is wrong.
        check: raises ValueError for settings that cannot be used; the file is then wrong.

    Raises:
        ChannelConfigError: when there is no such folder or it cannot be read.
    """
    if not folder.is_dir():
        raise ChannelConfigError(
            f"{folder} is not a folder: make it and put one <channel_id>.yaml per channel in it."
        )
    try:
        found = [(_id_of(p) not in configured, p) for p in folder.iterdir() if _is_channel(p)]
    except OSError as error:
        raise ChannelConfigError(f"{folder} cannot be read ({error.strerror}).") from error
    channels: dict[str, Channel] = {}
    faults: list[ChannelFault] = []
    for _, path in sorted(found):
        id_ = _id_of(path)
        # A configured channel keeps its name also while its file is wrong.
        kept = {fault.id for fault in faults if fault.id in configured} - {id_}
        try:
            channel = _load(path, id_)
            _check_unique(id_, [*channels, *kept])
            if check is not None:
                check(channel.settings)
            channels[id_] = channel
        except ValueError as fault:
            faults.append(ChannelFault(file=path.name, id=id_, reason=str(fault)))
    return ChannelFolder(path=folder, channels=channels, faults=tuple(faults))


def read_channels_in_force(
    folder: Path, known: Mapping[str, Any] | None, *, check: CheckSettings | None = None
) -> ChannelFolder:
    """Read the channels of a folder, with the last valid content of the files that are wrong.

    Args:
        known: what is stored of the channels of the last cycle (`sync_state.CHANNELS`).
        check: as in `read_channels`.

    Raises:
        ChannelConfigError: when no channel in it can be used.
    """
    known = known or {}
    ids = known.get("ids", ())
    found = read_channels(folder, ids, check=check)
    return found.with_last_good(ids, known.get("texts", {})).usable()


def load_configured_channels(
    folder: Path, *, check: CheckSettings | None = None
) -> Mapping[str, Channel]:
    """Read the channels of a folder that can be used, by id.

    Raises:
        ChannelConfigError: when there is none, with every wrong file and why.
    """
    return read_channels(folder, check=check).usable().channels


def _id_of(path: Path) -> str:
    return unicodedata.normalize("NFC", path.stem).strip()


def _is_channel(path: Path) -> bool:
    return path.suffix.lower() in {".yaml", ".yml"} and not path.name.startswith(_OF_EDITORS)


def _check_unique(id_: str, others: Iterable[str]) -> None:
    twin = channel_named(id_, others)
    if twin is not None:
        raise ValueError(f"Notion takes “{id_}” and “{twin}” for the same option; rename one file.")


def _load(path: Path, id_: str) -> Channel:
    if path.suffix != ".yaml":
        raise ValueError("rename it to end in .yaml.")
    if not id_ or not id_.isprintable():
        raise ValueError(
            "the file's name is the option on the board: it must be text that can be read."
        )
    if "," in id_:
        raise ValueError(
            "the file's name is the option on the board, and Notion's options may not hold a comma."
        )
    if len(id_) > ID_MAX:
        raise ValueError(
            f"the file's name has {len(id_)} characters; Notion's options hold {ID_MAX}."
        )
    return _channel(id_, _read(path))


@lru_cache(maxsize=256)  # files are read several times a cycle, and parsing takes longest
def _channel(id_: str, text: str) -> Channel:
    content = _parse(text)
    if not isinstance(content, dict):
        raise ValueError("it must be a list of `key: value` lines, one of them display_name.")
    stray = [key for key in content if not isinstance(key, str)]
    if stray:
        raise ValueError(f"the key {stray[0]!r} must be text: put it in quotes.")
    name = content.pop("display_name", None)
    if not isinstance(name, str) or not name.strip():
        raise ValueError("display_name is missing or not text.")
    claimed = content.pop("channel_id", id_)
    if not isinstance(claimed, str) or unicodedata.normalize("NFC", claimed) != id_:
        raise ValueError(f"channel_id says {claimed!r}, but the file's name is the id ({id_!r}).")
    return Channel(id=id_, display_name=name.strip(), settings=content, text=text)


def _last_good(id_: str, text: str) -> Channel:
    try:
        return _channel(id_, text)
    except ValueError:  # stored by a release with other rules
        return Channel(id=id_, display_name=id_, text=text)


def _read(path: Path) -> str:
    try:
        if path.is_symlink() and not path.exists():
            raise ValueError(f"it is a link to {path.readlink()}, which does not exist.")
        if path.exists() and not path.is_file():
            raise ValueError("it cannot be read (it is no file).")
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"it is not UTF-8 text (byte {error.start}).") from error
    except OSError as error:
        raise ValueError(f"it cannot be read ({error.strerror}).") from error
    if len(text) > TEXT_MAX:
        raise ValueError(f"it has {len(text):,} characters; {TEXT_MAX:,} are allowed.")
    return text


def _parse(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        where = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise ValueError(f"{where}{error.problem or 'not YAML'}.") from error
    except yaml.YAMLError as error:
        raise ValueError(f"not YAML ({error}).".replace("\n", " ")) from error
    except RecursionError:
        raise ValueError("it is nested too deep.") from None
