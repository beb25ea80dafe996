"""What YouTube is told about a video, and what a channel's file may say about it."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, model_validator

from models.production.making import Request, Source
from models.production.steps import PieceKind
from showrunner_makers.services.options import Options

TITLE_MAX: Final = 100
"""Characters of a title."""
DESCRIPTION_MAX: Final = 5000
"""Bytes of a description."""
_TAGS_MAX: Final = 380
"""Characters of all tags of a channel's file. YouTube takes 500, and ours need the rest."""


def _plain(text: str) -> str:
    if "<" in text or ">" in text:
        raise ValueError("must not hold < or >, which YouTube refuses")
    return text


Plain = Annotated[str, AfterValidator(_plain)]


class YouTubeOptions(Options):
    """What a channel's file may say.

    Attributes:
        category: the number of a category; 27 is Education.
        description: with {title}, {channel} and {story} for those words.
        made_for_kids: what the law asks; YouTube needs an answer.
        synthetic: whether viewers are told that the pictures are made by machines.
    """

    privacy: Literal["private", "unlisted", "public"] = "private"
    category: Annotated[str, Field(pattern=r"^[0-9]{1,3}$")] = "27"
    tags: list[Plain] = Field(default_factory=list)
    description: Plain = ""
    made_for_kids: bool = False
    synthetic: bool = True
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]+)*$")] | None = None
    notify_subscribers: bool = False
    license: Literal["youtube", "creativeCommon"] = "youtube"
    embeddable: bool = True

    @model_validator(mode="before")
    @classmethod
    def _category_as_text(cls, given: Any) -> Any:
        """YAML reads 27 as a number."""
        if isinstance(given, dict) and type(given.get("category")) is int:
            return {**given, "category": str(given["category"])}
        return given

    def check_lengths(self) -> None:
        """Raise ValueError, naming the key, when tags or description are too long."""
        if sum(len(tag) + 2 for tag in self.tags) > _TAGS_MAX:
            raise ValueError(f"tags: must have at most {_TAGS_MAX} characters together.")
        if len(self.description.encode()) > DESCRIPTION_MAX:
            raise ValueError(f"description: must have at most {DESCRIPTION_MAX} bytes.")


def film_of(sources: tuple[Source, ...]) -> Source | None:
    """The film among the pieces."""
    return next((one for one in sources if one.kind is PieceKind.FILM), None)


def marks_of(key: UUID, film: Source | None) -> frozenset[str]:
    """The tags by which a video is found again: of this upload, and of this film."""
    marks = {f"showrunner-{key}"}
    if film is not None:
        marks.add(f"showrunner-film-{film.sha256[:24]}")
    return frozenset(marks)


def resource(request: Request, options: YouTubeOptions, marks: frozenset[str]) -> dict[str, Any]:
    """The video as it is told.

    Raises:
        ValueError: when title or description cannot be used, with what to do.
    """
    title = " ".join(request.title.split())
    if len(title) > TITLE_MAX:
        raise ValueError(
            f"The title has {len(title)} characters, and YouTube takes {TITLE_MAX}. Shorten it, "
            "then drag the card to Queued."
        )
    description = _described(request, options)
    for name, text in (("title", title), ("description", description)):
        if "<" in text or ">" in text:
            raise ValueError(
                f"The {name} holds < or >, which YouTube refuses. Write it without them, then drag "
                "the card to Queued."
            )
    snippet: dict[str, Any] = {
        "title": title,
        "description": description,
        "tags": [*options.tags, *sorted(marks)],
        "categoryId": options.category,
    }
    if options.language is not None:
        snippet |= {"defaultLanguage": options.language, "defaultAudioLanguage": options.language}
    status = {
        "privacyStatus": options.privacy,
        "selfDeclaredMadeForKids": options.made_for_kids,
        "containsSyntheticMedia": options.synthetic,
        "license": options.license,
        "embeddable": options.embeddable,
    }
    return {"snippet": snippet, "status": status}


def _described(request: Request, options: YouTubeOptions) -> str:
    words = {
        "{title}": request.title,
        "{channel}": str(request.style.get("display_name", "")),
        "{story}": "\n\n".join(scene.narration for scene in request.scenes),
    }
    text = options.description
    for name, value in words.items():
        text = text.replace(name, value)
    if len(text.encode()) > DESCRIPTION_MAX:
        raise ValueError(
            f"The description has {len(text.encode()):,} bytes, and YouTube takes "
            f"{DESCRIPTION_MAX:,}. Shorten the option “description” of “youtube” in the channel's "
            "file, then drag the card to Queued."
        )
    return text
