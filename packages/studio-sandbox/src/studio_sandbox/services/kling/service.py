"""The routes of Kling's image-to-video, and the files that its answers name."""

import base64
import hashlib
import hmac
import secrets
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from starlette.responses import JSONResponse, Response

from studio_sandbox.config import Account, Clock, Config
from studio_sandbox.making.clip import clip
from studio_sandbox.making.picture import picture, preview
from studio_sandbox.services.kling.errors import kling_answer, kling_error
from studio_sandbox.services.kling.jobs import Fate, Job, Jobs
from studio_sandbox.services.kling.token import account_of
from studio_sandbox.services.kling.wanted import Wanted, wanted
from studio_sandbox.store.files import Files
from studio_sandbox.store.journal import Journal
from studio_sandbox.store.ledger import Ledger, Reason
from studio_sandbox.wire.route import Call, Route, fingerprint

_PATH = "/v1/videos/image2video"
_LAST_PAGE, _LARGEST_PAGE, _USUAL_PAGE = 1000, 500, 30
_FAILED = "Failure to pass the risk control system"


class Kling:
    """The service.

    Args:
        config: Its accounts and times.
        journal: Where jobs are kept.
        ledger: Where they are charged.
        files: Where clips are made.
        token_clock: The time that tokens are compared with.
    """

    def __init__(
        self,
        config: Config,
        journal: Journal,
        ledger: Ledger,
        files: Files,
        *,
        token_clock: Clock,
    ) -> None:
        self._config = config
        self._journal = journal
        self._ledger = ledger
        self._files = files
        self._token_clock = token_clock
        self.jobs = Jobs(journal, ledger, config)
        if journal.get("secret", "urls") is None:
            journal.put(("secret", "urls", {"value": secrets.token_hex(16)}))

    def routes(self) -> list[Route]:
        """Its routes."""
        submit = Route(
            service="kling",
            name="submit",
            methods=("POST",),
            path=_PATH,
            handler=self.submit,
            error=kling_error,
        )
        get = replace(submit, methods=("GET",))
        file = "/kling-files/{task_id}.mp4"
        return [
            submit,
            replace(get, name="list", handler=self.page),
            replace(get, name="query", path=f"{_PATH}/{{name}}", handler=self.query),
            replace(get, name="download", path=file, handler=self.download),
        ]

    async def submit(self, call: Call) -> Response:
        """POST /v1/videos/image2video: charges, and begins a job."""
        account = self._account(call)
        asked = wanted(call.json())
        # From here to the charge nothing else runs, so that no limit is passed twice.
        self._check(account, asked, call.now)
        failed = call.struck_by("failed")
        job = Job.make(
            asked,
            task_id=str(10**17 + secrets.randbelow(9 * 10**17)),
            account=account.name,
            submitted_at=call.now,
            fate=_fate(call),
            message=(failed and failed.message) or _FAILED,
            charge=self._journal.count("charge") + 1,
        )
        self._ledger.charge(account, asked.price, _reason(job, asked), call.now, job.entry)
        return JSONResponse(kling_answer(self._shown(job, call.now)))

    async def query(self, call: Call) -> Response:
        """GET /v1/videos/image2video/{task_id or external_task_id}."""
        account = self._account(call)
        job = self.jobs.find(account, call.request.path_params["name"], call.now)
        if job is None:
            raise kling_error(1203, "Task not found")
        return JSONResponse(kling_answer(self._whole(job, call)))

    async def page(self, call: Call) -> Response:
        """GET /v1/videos/image2video?pageNum=&pageSize=: newest first."""
        account = self._account(call)
        page = _whole(call, "pageNum", 1, _LAST_PAGE)
        size = _whole(call, "pageSize", _USUAL_PAGE, _LARGEST_PAGE)
        jobs = self.jobs.listed(account, call.now)[(page - 1) * size : page * size]
        return JSONResponse(kling_answer([self._whole(job, call) for job in jobs]))

    async def download(self, call: Call) -> Response:
        """GET a clip by the URL of an answer."""
        task_id = call.request.path_params["task_id"]
        expires = call.request.query_params.get("expires", "")
        given = call.request.query_params.get("signature", "")
        job = self.jobs.get(task_id)
        if job is None or not hmac.compare_digest(self._signature(task_id, expires), given):
            return Response("AccessDenied", 403, media_type="text/plain")
        if call.now.timestamp() >= int(expires):
            return Response("Request has expired", 403, media_type="text/plain")
        if self.jobs.is_deleted(job, call.now):
            return Response("NoSuchKey", 404, media_type="text/plain")
        made = await self.clip(job)
        return Response(made.read_bytes(), media_type="video/mp4")

    async def clip(self, job: Job) -> Path:
        """The path of a job's clip, which is made when it is first needed."""
        image = base64.b64decode(job.image)
        if not image:
            drawn = await picture(self._files, job.prompt, job.size, job.prompt)
            image, _ = preview(drawn.read_bytes())
        return await clip(self._files, image, job.size, job.seconds)

    def _check(self, account: Account, asked: Wanted, now: datetime) -> None:
        """Refuse what is no valid job now.

        Raises:
            ServiceError: 1101, 1102, 1201 or 1303.
        """
        name = asked.external_task_id
        if name is not None and self.jobs.is_taken(account, name):
            raise kling_error(1201, f"external_task_id {name} already exists")
        if not self._ledger.can_pay(account, asked.price.units):
            raise kling_error(1101 if account.postpaid else 1102)
        if self.jobs.running(account, now) >= account.at_once:
            raise kling_error(1303)

    def _account(self, call: Call) -> Account:
        header = call.request.headers.get("authorization")
        return account_of(header, self._config, self._token_clock())

    def _shown(self, job: Job, now: datetime) -> dict[str, Any]:
        status = self.jobs.status(job, now)
        shown = {
            "task_id": job.task_id,
            "task_status": status,
            "task_info": {"external_task_id": job.external_task_id or ""},
            "created_at": _milliseconds(job.submitted_at),
            "updated_at": _milliseconds(self.jobs.changed_at(job, now)),
        }
        if status == "failed":
            return {**shown, "task_status_msg": job.message, "final_unit_deduction": "0"}
        if status == "succeed":
            return {**shown, "task_status_msg": "", "final_unit_deduction": f"{job.units:g}"}
        return shown

    def _whole(self, job: Job, call: Call) -> dict[str, Any]:
        """A job with its result."""
        shown = self._shown(job, call.now)
        videos = self._videos(job, call)
        if videos is not None:
            shown["task_result"] = {"videos": videos}
        return shown

    def _videos(self, job: Job, call: Call) -> list[dict[str, str]] | None:
        """The clip of a job that succeeded; none when it was deleted."""
        if self.jobs.status(job, call.now) != "succeed":
            return None
        if self.jobs.is_deleted(job, call.now):
            return []
        lifetime = timedelta(seconds=self._config.kling_url_seconds)
        if call.struck_by("url_expired"):
            lifetime = timedelta()
        expires = str(int((call.now + lifetime).timestamp()))
        base = f"{call.request.base_url}kling-files/{job.task_id}.mp4"
        url = f"{base}?expires={expires}&signature={self._signature(job.task_id, expires)}"
        number = hashlib.sha256(job.task_id.encode()).hexdigest()[:20]
        return [{"id": number, "url": url, "duration": str(job.seconds)}]

    def _signature(self, task_id: str, expires: str) -> str:
        secret = (self._journal.get("secret", "urls") or {})["value"]
        text = f"{task_id} {expires}".encode()
        return hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()


def _fate(call: Call) -> Fate:
    """How the job of a submission ends."""
    if call.struck_by("failed"):
        return "failed"
    return "stuck" if call.struck_by("stuck") else "succeed"


def _reason(job: Job, asked: Wanted) -> Reason:
    mark = fingerprint("kling", replace(asked, external_task_id=None), job.image)
    return Reason(
        key=job.external_task_id,
        fingerprint=mark,
        what=f"{asked.seconds} s clip, {asked.model} {asked.mode}: {asked.prompt[:60]}",
        subject=job.task_id,
        file=f"kling:{job.task_id}",
    )


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _whole(call: Call, name: str, usual: int, most: int) -> int:
    value = call.request.query_params.get(name, str(usual))
    if not value.isdecimal() or not 1 <= int(value) <= most:
        raise kling_error(1201, f"{name} must be a whole number from 1 to {most}")
    return int(value)
