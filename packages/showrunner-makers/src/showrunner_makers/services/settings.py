"""Addresses and keys of the services, from where Showrunner's own settings are read.

That is the environment, then `.env.local` and `.env` of the working folder. They are read when a
maker is loaded, and are in no argument, no log and no table.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_FILES: Final = (".env", ".env.local")


def _config(prefix: str) -> SettingsConfigDict:
    return SettingsConfigDict(
        env_prefix=prefix,
        env_file=_FILES,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )


def _address(value: str) -> str:
    address = value.strip().rstrip("/")
    if not address.startswith(("http://", "https://")) or " " in address:
        raise ValueError("must be an address that begins with https:// or http://")
    return address


def _key(value: SecretStr) -> SecretStr:
    text = value.get_secret_value().strip()
    if not (text.isascii() and text.isprintable()) or " " in text:
        raise ValueError("must be one word, as the service shows it")
    return SecretStr(text)


Address = Annotated[str, AfterValidator(_address)]
Key = Annotated[SecretStr, AfterValidator(_key)]


class _Service(BaseSettings):
    """The settings of one service. An empty variable counts as not set."""

    @field_validator("*", mode="before")
    @classmethod
    def _unquoted(cls, value: Any) -> Any:
        """Docker hands quotes on as they stand in the file."""
        if isinstance(value, str) and len(value) > 1 and value[0] == value[-1] in {'"', "'"}:
            return value[1:-1]
        return value

    @classmethod
    def read(cls) -> Self:
        """Read them.

        Raises:
            ValueError: naming each variable that is wrong, and never its value.
        """
        try:
            return cls()
        except ValidationError as error:
            prefix = cls.model_config.get("env_prefix", "")
            faults = "; ".join(
                f"{prefix}{str(one['loc'][0]).upper()}: {one['msg'].removeprefix('Value error, ')}"
                for one in error.errors(include_input=False)
            )
            raise ValueError(f"{faults}.") from None

    def unset(self, *names: str) -> str | None:
        """A sentence about those that are not set; None when all are."""
        prefix = self.model_config.get("env_prefix", "")
        lacking = [f"{prefix}{name.upper()}" for name in names if getattr(self, name) is None]
        if not lacking:
            return None
        verb = "is" if len(lacking) == 1 else "are"
        return (
            f"{' and '.join(lacking)} {verb} not set. Set what is missing in the environment or "
            ".env where videos are made, and start the worker again."
        )


class GeminiSettings(_Service):
    """Google's image models."""

    model_config = _config("GEMINI_")

    api_key: Key | None = None
    url: Address = "https://generativelanguage.googleapis.com"


class KlingSettings(_Service):
    """Kling's clips."""

    model_config = _config("KLING_")

    access_key: Key | None = None
    secret_key: Key | None = None
    url: Address = "https://api-singapore.klingai.com"


class ElevenLabsSettings(_Service):
    """ElevenLabs' voices and sounds."""

    model_config = _config("ELEVENLABS_")

    api_key: Key | None = None
    url: Address = "https://api.elevenlabs.io"


class YouTubeSettings(_Service):
    """YouTube, and Google's sign-in."""

    model_config = _config("YOUTUBE_")

    client_id: Annotated[str, AfterValidator(str.strip)] | None = None
    client_secret: Key | None = None
    url: Address = "https://www.googleapis.com"
    oauth_url: Address = "https://oauth2.googleapis.com"
    consent_url: Address = "https://accounts.google.com/o/oauth2/v2/auth"


ALL: Final = (GeminiSettings, KlingSettings, ElevenLabsSettings, YouTubeSettings)
