"""A channel's colours, and whether text in one can be read on another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from PIL import ImageColor

Colour = tuple[int, int, int]

DEFAULTS: Final = {"background": "#0b2545", "foreground": "#eef4ed", "accent": "#8da9c4"}
"""Where the channel says nothing else."""
LEAST_CONTRAST: Final = 3.0
"""What large text needs: Web Content Accessibility Guidelines 2.1, criterion 1.4.3."""
_RGB: Final = 3


@dataclass(frozen=True, kw_only=True)
class Colours:
    """The colours of a channel."""

    background: Colour
    foreground: Colour
    accent: Colour

    @property
    def lower(self) -> Colour:
        """The background at a picture's lower edge, a third of the way to the accent."""
        return mixed(self.background, self.accent, 1 / 3)

    @property
    def on_accent(self) -> Colour:
        """The colour of text on the accent: whichever of the other two is easier to read."""
        return max(self.background, self.foreground, key=lambda one: contrast(one, self.accent))


def colours_of(options: Mapping[str, Any]) -> Colours:
    """The colours that a channel's options name.

    Raises:
        ValueError: naming the option, when one is no colour, or text could not be read.
    """
    found = Colours(**{name: _colour(options, name) for name in DEFAULTS})
    for ground in (found.background, found.lower):
        ratio = contrast(found.foreground, ground)
        if ratio < LEAST_CONTRAST:
            raise ValueError(
                f"foreground: text can hardly be read on this background: the contrast is "
                f"{ratio:.1f} and must be {LEAST_CONTRAST:.0f} or more, also at the lower edge, "
                "where the background is a third of the way to the accent."
            )
    return found


def contrast(one: Colour, other: Colour) -> float:
    """How well two colours can be told apart, from 1 to 21, as WCAG 2.1 defines it."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def mixed(one: Colour, other: Colour, share: float) -> Colour:
    """A colour between two: the given share of the other."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _luminance(colour: Colour) -> float:
    red, green, blue = (_linear(value / 255) for value in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(value: float) -> float:
    if value <= 0.04045:  # noqa: PLR2004 - the standard's own constant
        return value / 12.92
    return float(((value + 0.055) / 1.055) ** 2.4)


def _colour(options: Mapping[str, Any], name: str) -> Colour:
    value = str(options.get(name, DEFAULTS[name]))
    try:
        red, green, blue = ImageColor.getrgb(value)[:_RGB]
    except ValueError as error:
        raise ValueError(f"{name}: “{value}” is no colour; write it as #0b2545.") from error
    return red, green, blue
