"""Files of jobs: to take away, or, if they are pictures, to look at."""

from __future__ import annotations

from urllib.parse import quote
from uuid import UUID

from starlette.responses import Response, StreamingResponse

from milepost.dashboard.desk import Desk
from milepost.dashboard.doors import Visit
from milepost.dashboard.job import One
from milepost.dashboard.pictures import DRAWN, drawn_by
from milepost.dashboard.refusals import Refused, not_found
from milepost.domain.text import visible
from milepost.engine.artifacts import LIVE, Artifact, find_artifact
from milepost.kinds.requests import CANONICAL
from milepost.storage import Store
from milepost.storage.reading import held_back, joined

# a file is somebody's text: whatever it is, it runs nothing here
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; sandbox",
    "Cache-Control": "private, no-cache",
}


class Files:
    """Every file is read through the job it belongs to."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._one = One(desk)

    async def download(self, visit: Visit) -> Response:
        artifact = await self._artifact(visit)
        row = artifact.row
        headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(visible(row['file_name']), safe='')}"}
        return await self._sent(artifact.file_path, row["checksum"], "application/octet-stream", headers)

    async def picture(self, visit: Visit) -> Response:
        artifact = await self._artifact(visit)
        if artifact.row["mime_type"] not in DRAWN:
            raise not_found()
        return await self._sent(artifact.file_path, artifact.row["checksum"], artifact.row["mime_type"], {})

    async def drawn(self, visit: Visit) -> Response:
        """The picture that a job's result names."""
        kind, whole = await self._one.find(visit.viewer, visit.request.path_params["job_id"])
        drawn = drawn_by(visit.viewer.database.name, kind.answer(whole.job))
        if drawn is None:
            raise not_found()
        return await self._sent(drawn.path, drawn.sha256, "image/png", {})

    async def _artifact(self, visit: Visit) -> Artifact:
        """Raises Refused and ArtifactNotFound, which are shown alike."""
        text = visit.request.path_params["artifact_id"]
        if not CANONICAL.fullmatch(text):
            raise not_found()
        artifact = await find_artifact(visit.viewer.database, UUID(text))
        await self._one.find(visit.viewer, str(artifact.job_id))
        if artifact.status not in LIVE:
            raise not_found()
        return artifact

    async def _sent(self, path: str, sha256: str, media_type: str, headers: dict[str, str]) -> Response:
        chunks = held_back(self._store.read(path, sha256=sha256))
        first = await anext(chunks, b"")  # what cannot be read at all is a proper page
        return StreamingResponse(joined(first, chunks), headers={**HEADERS, **headers}, media_type=media_type)

    @property
    def _store(self) -> Store:
        if self._desk.store is None:
            raise Refused(503, "There is no store", "No artifact store is configured here.")
        return self._desk.store
