"""Files of executions: register or announce, upload, read in parts, archive, delete."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.requests import ClientDisconnect
from starlette.responses import Response, StreamingResponse

from milepost import observe
from milepost.api import artifact_contract as contract
from milepost.api.access import READ, controlling, needing
from milepost.api.answers import JSON
from milepost.api.auth import Authenticated, Caller
from milepost.api.body import read_model
from milepost.api.brief import told
from milepost.api.dependencies import Dependencies
from milepost.api.lookups import id_in_path, only, visible
from milepost.api.preconditions import is_known, must_match
from milepost.api.problems import Problem, not_found
from milepost.api.ranges import part
from milepost.api.validation import fault
from milepost.db.artifact_rows import NewArtifact
from milepost.domain.job import Job
from milepost.engine.artifacts import (
    LIVE,
    Artifact,
    archive,
    artifacts_of,
    complete,
    delete,
    find_artifact,
    register,
    reject,
)
from milepost.engine.kind import Kind
from milepost.kinds.executions.artifacts import CreateArtifact, sendable
from milepost.storage import FileTooLarge, InvalidPath, NoSuchFile, Store, Stored, StoreRefused, paths
from milepost.storage.reading import held_back, joined

KIND = "execution"


def routes(deps: Dependencies) -> APIRouter:
    router = APIRouter()
    kind = next(kind for kind in deps.kinds if kind.name == KIND)
    files = Files(deps, kind)
    reading, writing = needing(READ), needing(controlling([kind]))

    @router.get(
        "/v1/executions/{job_id}/artifacts", dependencies=reading, summary="The files of an execution",
        responses=contract.LISTED,
    )  # fmt: skip
    async def listed(request: Request, job_id: str, caller: Authenticated) -> JSON:
        only(request)
        _, job = await visible(caller, (kind,), job_id)
        return JSON({"items": [found.answer() for found in await artifacts_of(caller.database, kind, job.id)]})

    @router.post(
        "/v1/executions/{job_id}/artifacts", status_code=201, openapi_extra=contract.CREATE, dependencies=writing,
        responses=contract.CREATED,
        summary="Register a file",
    )  # fmt: skip
    async def create(request: Request, job_id: str, caller: Authenticated) -> JSON:
        only(request)
        job = await files.owner(caller, job_id)
        wanted = await read_model(request, CreateArtifact, deps.limits.body)
        artifact = await files.create(caller, job, wanted)
        url = f"/v1/artifacts/{artifact.id}"
        upload = {"upload_url": f"{url}/content"} if artifact.status == "UPLOADING" else {}
        return JSON({**told(caller, artifact.answer()), **upload}, 201, {"Location": url})

    @router.get(
        "/v1/artifacts/{artifact_id}", dependencies=reading, summary="What is known of a file", responses=contract.ONE
    )
    async def one(request: Request, artifact_id: str, caller: Authenticated) -> JSON:
        only(request)
        return JSON((await files.visible(caller, artifact_id)).answer())

    @router.put(
        "/v1/artifacts/{artifact_id}/content", openapi_extra=contract.UPLOAD, dependencies=writing,
        responses=contract.STORED,
        summary="Upload an announced file",
    )  # fmt: skip
    async def upload(request: Request, artifact_id: str, caller: Authenticated) -> JSON:
        only(request)
        artifact = await files.controlled(caller, artifact_id)
        return JSON(told(caller, (await files.upload(caller, artifact, request)).answer()))

    @router.get(
        "/v1/artifacts/{artifact_id}/content", response_class=StreamingResponse, responses=contract.CONTENT,
        dependencies=reading, openapi_extra=contract.READ, summary="The bytes",
    )  # fmt: skip
    async def content(request: Request, artifact_id: str, caller: Authenticated) -> Response:
        only(request)
        artifact = await files.visible(caller, artifact_id)
        if artifact.status not in LIVE:
            raise not_found()
        return await files.download(artifact, request)

    @router.post(
        "/v1/artifacts/{artifact_id}/archive", dependencies=writing, summary="Archive a file: it stays readable",
        responses=contract.ARCHIVED, openapi_extra=contract.IF_THIS,
    )  # fmt: skip
    async def archived(request: Request, artifact_id: str, caller: Authenticated) -> JSON:
        only(request)
        artifact = await files.controlled(caller, artifact_id)
        must_match(request, _etag(artifact))
        return JSON(told(caller, (await archive(caller.database, kind, artifact, actor=caller.actor)).answer()))

    @router.delete(
        "/v1/artifacts/{artifact_id}", status_code=204, dependencies=writing,
        responses=contract.DELETED, openapi_extra=contract.IF_THIS,
        summary="Delete a file: its record stays",
    )  # fmt: skip
    async def deleted(request: Request, artifact_id: str, caller: Authenticated) -> Response:
        only(request)
        artifact = await files.controlled(caller, artifact_id)
        must_match(request, _etag(artifact))
        await files.remove((await delete(caller.database, kind, artifact, actor=caller.actor)).file_path)
        return Response(status_code=204)

    return router


class Files:
    """Rows and bytes together."""

    def __init__(self, deps: Dependencies, kind: Kind) -> None:
        self._deps = deps
        self._kind = kind

    @property
    def store(self) -> Store:
        if self._deps.store is None:
            raise Problem("unavailable", "No artifact store is configured.", headers={"Retry-After": "60"})
        return self._deps.store

    async def owner(self, caller: Caller, job_id: str) -> Job:
        """The job that files are given to. Raises insufficient-scope, not-found."""
        _, job = await visible(caller, (self._kind,), job_id)
        caller.must_control(job, self._kind.scope)
        return job

    async def visible(self, caller: Caller, artifact_id: str) -> Artifact:
        """Raises not-found, alike for what does not exist and what is another's."""
        artifact = await find_artifact(caller.database, id_in_path(artifact_id))
        if artifact.kind != self._kind.name:
            raise not_found()
        await visible(caller, (self._kind,), str(artifact.job_id))
        return artifact

    async def controlled(self, caller: Caller, artifact_id: str) -> Artifact:
        """Raises insufficient-scope, not-found."""
        artifact = await self.visible(caller, artifact_id)
        await self.owner(caller, str(artifact.job_id))
        return artifact

    async def create(self, caller: Caller, job: Job, wanted: CreateArtifact) -> Artifact:
        if wanted.execution_id not in {None, job.id}:
            raise fault("validation-failed", "/execution_id", "is not the execution of the path")
        if wanted.file_size > self._deps.limits.upload:
            raise fault("out-of-range", "/file_size", f"is over {self._deps.limits.upload} bytes")
        stored = await self._stored(caller, job, wanted)
        artifact_id = self._deps.ids()
        new = NewArtifact(
            id=artifact_id,
            job_id=job.id,
            file_name=wanted.file_name,
            file_path=stored.path if stored else paths.execution_artifact(caller.database.name, job.id, artifact_id),
            file_size=wanted.file_size,
            mime_type=wanted.mime_type,
            checksum=stored.sha256 if stored else wanted.checksum,
            type=wanted.type,
            status="ACTIVE" if stored else "UPLOADING",
            tags=None if wanted.tags is None else json.dumps(wanted.tags, ensure_ascii=False),
            retention_days=wanted.retention_days,
        )
        return await register(caller.database, self._kind, new, actor=caller.actor)

    async def _stored(self, caller: Caller, job: Job, wanted: CreateArtifact) -> Stored | None:
        """The file that the request names, read to its end; None for an announcement."""
        if wanted.file_path is None:
            return None
        try:
            path = paths.checked(wanted.file_path, below=paths.execution_folder(caller.database.name, job.id))
            size = (await self.store.stat(path)).size
            found = await self.store.digest(path) if size == wanted.file_size else Stored(path, size, "")
        except InvalidPath as error:
            raise fault("validation-failed", "/file_path", str(error)) from None
        except NoSuchFile:
            raise fault("validation-failed", "/file_path", "names no stored file") from None
        except StoreRefused:
            raise self._refused() from None
        _check(wanted.file_size, wanted.checksum, found, told=caller.reads)
        return found

    async def upload(self, caller: Caller, artifact: Artifact, request: Request) -> Artifact:
        if artifact.status != "UPLOADING":
            raise _no_upload(artifact)
        must_match(request, None)
        path = paths.execution_artifact(caller.database.name, artifact.job_id, artifact.id)
        announced, checksum = artifact.row["file_size"], artifact.row["checksum"]
        try:
            stored = await self.store.put(path, request.stream(), limit=announced)
            _check(announced, checksum, stored, told=True)
        except ClientDisconnect:
            raise Problem("bad-request", "The upload broke off; nothing of it was kept. It may be repeated.") from None
        except FileTooLarge:
            await reject(caller.database, self._kind, artifact, actor=caller.actor)
            raise _mismatch(f"More than the announced {announced} bytes came.") from None
        except Problem:
            await reject(caller.database, self._kind, artifact, actor=caller.actor)
            await self.remove(path)
            raise
        except StoreRefused:
            raise self._refused() from None
        observe.UPLOADED_BYTES.inc(stored.size)
        done = await complete(
            caller.database, self._kind, artifact, file_path=path, checksum=stored.sha256, actor=caller.actor
        )
        if done is None:
            await self.remove(path)
            raise _no_upload(await find_artifact(caller.database, artifact.id))
        return done

    async def download(self, artifact: Artifact, request: Request) -> Response:
        checksum, size = artifact.row["checksum"], artifact.row["file_size"]
        etag = _etag(artifact)
        must_match(request, etag)
        headers = {
            "ETag": etag,
            "Accept-Ranges": "bytes",
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(artifact.row['file_name'], safe='')}",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, no-cache",
        }
        if is_known(request, etag):
            return Response(status_code=304, headers=headers)
        media_type = sendable(artifact.row["mime_type"])
        wanted = part(request, etag, size)
        if wanted is None:
            whole = await self._first(self.store.read(artifact.file_path, sha256=checksum))
            return StreamingResponse(
                held_back(whole), headers={**headers, "Content-Length": str(size)}, media_type=media_type
            )
        start, end = wanted
        headers |= {"Content-Range": f"bytes {start}-{end - 1}/{size}", "Content-Length": str(end - start)}
        chunks = await self._first(self.store.read(artifact.file_path, start=start, end=end))
        return StreamingResponse(chunks, 206, headers, media_type)

    async def _first(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The same chunks, the first of them read: what cannot be read at all is a proper answer."""
        try:
            first = await anext(chunks, b"")
        except StoreRefused:
            raise self._refused() from None
        return joined(first, chunks)

    async def remove(self, path: str) -> None:
        """After the row said so. What cannot be removed now is swept a day later."""
        try:
            await self.store.delete(path)
        except StoreRefused:
            return

    @staticmethod
    def _refused() -> Problem:
        return Problem("unavailable", "The artifact store does not answer.", headers={"Retry-After": "5"})


def _etag(artifact: Artifact) -> str:
    return f'"{artifact.row["checksum"]}"'


def _check(size: int, checksum: str | None, found: Stored, *, told: bool) -> None:
    """Raises checksum-mismatch. `told`: whether the caller may know what was found."""
    if not told and (found.size != size or checksum not in {None, found.sha256}):
        raise _mismatch("The stored file is not the one that was announced.")
    if found.size != size:
        raise _mismatch(f"There are {found.size} bytes, not the announced {size}.")
    if checksum not in {None, found.sha256}:
        raise _mismatch(f"The SHA-256 is {found.sha256}, not the announced {checksum}.")


def _mismatch(detail: str) -> Problem:
    return Problem("checksum-mismatch", detail)


def _no_upload(artifact: Artifact) -> Problem:
    return Problem("illegal-transition", f"The artifact is {artifact.status}: it takes no upload.")
