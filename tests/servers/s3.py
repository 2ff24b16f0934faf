"""A bucket on a loopback port that speaks as much of S3's wire format as a client needs to store files."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from tests.servers.http import HttpServer, Reply, Request

_XML = {"content-type": "application/xml"}
_PAGE = 3  # objects in one answer to a list, so that paging happens with few files


@dataclass(frozen=True, slots=True)
class Object:
    data: bytes
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def headers(self) -> dict[str, str]:
        return {
            "etag": f'"{hashlib.md5(self.data).hexdigest()}"',
            "last-modified": format_datetime(self.at, usegmt=True),
            "accept-ranges": "bytes",
        }


class BucketServer(HttpServer):
    """One bucket in memory. `journal` tells what was asked; `failures` is how many next requests answer 503."""

    bucket = "artifacts"
    access_key_id = "test-access-key"
    secret_access_key = "test-secret-key"

    def __init__(self, port: int = 0) -> None:
        super().__init__(self._handle, port)
        self.objects: dict[str, Object] = {}
        self.uploads: dict[str, dict[int, bytes]] = {}
        self.journal: list[tuple[str, str, Mapping[str, str]]] = []
        self.failures = 0
        self._lock = asyncio.Lock()

    async def _handle(self, request: Request, reply: Reply) -> None:
        key = request.path.removeprefix(f"/{self.bucket}").removeprefix("/")
        self.journal.append((request.method, key, request.query))
        if self.failures:
            self.failures -= 1
            return await reply.send(503, _XML, _error("SlowDown"))
        if f"Credential={self.access_key_id}/" not in request.headers.get("authorization", ""):
            return await reply.send(403, _XML, _error("AccessDenied"))
        if not request.path.startswith(f"/{self.bucket}"):
            return await reply.send(404, _XML, _error("NoSuchBucket"))
        async with self._lock:
            status, headers, body = self._answer(request, key)
        await reply.send(status, headers, body)
        return None

    def _answer(  # noqa: PLR0911 - a table
        self, request: Request, key: str
    ) -> tuple[int, dict[str, str], bytes]:
        query = request.query
        match request.method:
            case "GET" if "list-type" in query:
                return 200, _XML, self._page(query)
            case "GET" | "HEAD":
                return self._read(key, request)
            case "PUT" if "uploadId" in query:
                self.uploads[query["uploadId"]][int(query["partNumber"])] = request.body
                return 200, Object(request.body).headers, b""
            case "PUT":
                return self._write(key, request)
            case "POST" if "uploads" in query:
                upload = f"upload-{len(self.journal)}"
                self.uploads[upload] = {}
                return 200, _XML, _result("InitiateMultipartUploadResult", Key=key, UploadId=upload)
            case "POST" if "uploadId" in query:
                return self._complete(key, self.uploads.pop(query["uploadId"]))
            case "POST" if "delete" in query:
                return self._delete_many(request.body)
            case "DELETE" if "uploadId" in query:
                self.uploads.pop(query["uploadId"], None)
                return 204, {}, b""
            case "DELETE":
                self.objects.pop(key, None)
                return 204, {}, b""
            case _:
                return 405, _XML, _error("MethodNotAllowed")

    def _read(self, key: str, request: Request) -> tuple[int, dict[str, str], bytes]:
        found = self.objects.get(key)
        if found is None:
            return 404, _XML, b"" if request.method == "HEAD" else _error("NoSuchKey")
        if request.method == "HEAD":
            return 200, {**found.headers, "content-length": str(len(found.data))}, b""
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
        if wanted is None:
            return 200, found.headers, found.data
        start, end = int(wanted[1]), min(int(wanted[2] or len(found.data)), len(found.data) - 1)
        if start >= len(found.data):
            return 416, _XML, _error("InvalidRange")
        span = f"bytes {start}-{end}/{len(found.data)}"
        return 206, {**found.headers, "content-range": span}, found.data[start : end + 1]

    def _write(self, key: str, request: Request) -> tuple[int, dict[str, str], bytes]:
        if request.headers.get("if-none-match") == "*" and key in self.objects:
            return 412, _XML, _error("PreconditionFailed")
        self.objects[key] = Object(request.body)
        return 200, self.objects[key].headers, b""

    def _complete(self, key: str, parts: Mapping[int, bytes]) -> tuple[int, dict[str, str], bytes]:
        self.objects[key] = Object(b"".join(parts[number] for number in sorted(parts)))
        etag = self.objects[key].headers["etag"]
        return 200, _XML, _result("CompleteMultipartUploadResult", Key=key, ETag=etag)

    def _delete_many(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        keys = [node.text or "" for node in ET.fromstring(body).iter() if node.tag.endswith("Key")]
        for key in keys:
            self.objects.pop(key, None)
        gone = "".join(f"<Deleted><Key>{escape(key)}</Key></Deleted>" for key in keys)
        return 200, _XML, f"<DeleteResult>{gone}</DeleteResult>".encode()

    def _page(self, query: Mapping[str, str]) -> bytes:
        after = query.get("continuation-token", "")
        keys = sorted(key for key in self.objects if key.startswith(query.get("prefix", "")) and key > after)
        page, more = keys[:_PAGE], len(keys) > _PAGE
        contents = "".join(
            f"<Contents><Key>{escape(key)}</Key><LastModified>{self.objects[key].at:%Y-%m-%dT%H:%M:%S.000Z}"
            f"</LastModified><ETag>x</ETag><Size>{len(self.objects[key].data)}</Size></Contents>"
            for key in page
        )
        token = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if more else ""
        truncated = f"<IsTruncated>{str(more).lower()}</IsTruncated>"
        return f"<ListBucketResult>{truncated}{token}{contents}</ListBucketResult>".encode()


def _error(code: str) -> bytes:
    return f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()


def _result(name: str, **fields: str) -> bytes:
    inner = "".join(f"<{field}>{escape(value)}</{field}>" for field, value in fields.items())
    return f"<{name}>{inner}</{name}>".encode()
