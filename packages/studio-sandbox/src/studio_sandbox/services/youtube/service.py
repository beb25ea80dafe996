"""The routes of YouTube."""

from dataclasses import replace

from studio_sandbox.config import Clock, Config
from studio_sandbox.services.youtube.authorization import Authorization
from studio_sandbox.services.youtube.errors import youtube_error
from studio_sandbox.services.youtube.grants import Grants
from studio_sandbox.services.youtube.reading import Reading
from studio_sandbox.services.youtube.sessions import Sessions
from studio_sandbox.services.youtube.uploading import PATH, Uploading
from studio_sandbox.store.files import Files
from studio_sandbox.store.journal import Journal
from studio_sandbox.store.ledger import Ledger
from studio_sandbox.wire.route import Route


class YouTube:
    """The service.

    Args:
        config: Its projects, channels and times.
        journal: Where tokens, sessions and videos are kept.
        ledger: Where inserts are counted.
        files: Where the films lie.
        clock: The time.
    """

    def __init__(
        self, config: Config, journal: Journal, ledger: Ledger, files: Files, *, clock: Clock
    ) -> None:
        grants = Grants(config, journal)
        self.sessions = Sessions(config, journal, ledger, files)
        self.authorization = Authorization(config, grants, clock)
        self._uploading = Uploading(config, grants, self.sessions)
        self._reading = Reading(grants, self.sessions)

    def routes(self) -> list[Route]:
        """Its routes; the authorization page is none of them, since a person uses it."""
        insert = Route(
            service="youtube",
            name="insert",
            methods=("POST",),
            path=PATH,
            handler=self._uploading.insert,
            error=youtube_error,
        )
        upload = self._uploading.upload
        get = replace(insert, methods=("GET",))
        base = "/youtube/v3"
        lists = (
            ("channels", f"{base}/channels", self._reading.channels),
            ("playlist", f"{base}/playlistItems", self._reading.playlist),
            ("videos", f"{base}/videos", self._reading.videos),
        )
        return [
            insert,
            replace(insert, name="upload", methods=("PUT",), handler=upload, reads_body=True),
            replace(insert, name="token", path="/token", handler=self.authorization.token),
            *(replace(get, name=name, path=path, handler=read) for name, path, read in lists),
        ]
