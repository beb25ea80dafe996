"""Scenes from a card's Story Direction: each paragraph is a scene, its text the narration.

A line that begins with `Image:`, `Motion:` or `Sound:` overrides what the channel's style would
make of the scene. Paragraphs are divided by empty lines. In a text without empty lines each line is
a paragraph, since Notion shows every line of a text property as one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

MOST_SCENES: Final = 18
"""How many scenes a video has at most, unless the channel says otherwise."""
NARRATION_MAX: Final = 2_000
"""Characters of one scene's narration: about two minutes of speech."""

_OVERRIDE: Final = re.compile(r"^\s*(Image|Motion|Sound)\s*:\s*(.*)$", re.IGNORECASE)
_EMPTY_LINE: Final = re.compile(r"\n[ \t]*\n")


class StoryError(ValueError):
    """A story that cannot be produced, in one sentence that says what to write."""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One scene.

    Attributes:
        position: from 1.
        narration: what is spoken.
        image, motion, sound: what the author asked for; empty where the channel's style decides.
    """

    position: int
    narration: str
    image: str = ""
    motion: str = ""
    sound: str = ""


def scenes_of(story: str | None, *, most: int = MOST_SCENES) -> list[Scene]:
    """The scenes of a story.

    Args:
        story: the text of Story Direction.
        most: how many scenes there may be.

    Raises:
        StoryError: when there is none, there are too many, or one has nothing to say.
    """
    paragraphs = list(_paragraphs(story or ""))
    if not paragraphs:
        raise StoryError("Story Direction is empty; write one paragraph per scene.")
    if len(paragraphs) > most:
        raise StoryError(
            f"Story Direction has {len(paragraphs)} paragraphs, one scene each; "
            f"at most {most} are produced. Join some of them."
        )
    return [_scene(number, lines) for number, lines in enumerate(paragraphs, start=1)]


def _paragraphs(story: str) -> Iterator[list[str]]:
    text = story.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").strip()
    if _EMPTY_LINE.search(text):
        for paragraph in _EMPTY_LINE.split(text):
            if lines := [line for line in paragraph.split("\n") if line.strip()]:
                yield lines
        return
    yield from _line_by_line(text)


def _line_by_line(text: str) -> Iterator[list[str]]:
    """Each line a paragraph, together with the overrides that follow it."""
    lines: list[str] = []
    for line in text.split("\n"):
        if lines and not _OVERRIDE.match(line):
            yield lines
            lines = []
        if line.strip():
            lines.append(line)
    if lines:
        yield lines


def _scene(position: int, lines: list[str]) -> Scene:
    spoken: list[str] = []
    asked: dict[str, list[str]] = {"image": [], "motion": [], "sound": []}
    for line in lines:
        if found := _OVERRIDE.match(line):
            asked[found[1].lower()].append(found[2].strip())
        else:
            spoken.append(line.strip())
    narration = " ".join(spoken)
    if not narration:
        raise StoryError(
            f"Scene {position} of Story Direction has no text to speak; write it as a line without "
            "“Image:”, “Motion:” or “Sound:” before it."
        )
    if len(narration) > NARRATION_MAX:
        raise StoryError(
            f"Scene {position} of Story Direction has {len(narration):,} characters; at most "
            f"{NARRATION_MAX:,} are spoken in one scene. Divide it into paragraphs."
        )
    joined = {name: " ".join(part for part in parts if part) for name, parts in asked.items()}
    return Scene(position=position, narration=narration, **joined)
