"""A store in a bucket of S3, or of a server that speaks its language."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

import obstore
from obstore.store import S3Store

from milepost.storage.intake import Intake
from milepost.storage.store import Store

if TYPE_CHECKING:
    from obstore.store import S3Config

PART = 5 << 20  # bytes; what S3 takes as the smallest part of an upload in parts


def s3_store(
    bucket: str,
    *,
    access_key_id: str,
    secret_access_key: str,
    region: str = "us-east-1",
    endpoint: str | None = None,
    prefix: str | None = None,
    path_style: bool = True,
    refuses_replacing: bool = True,
    timeout: timedelta = timedelta(seconds=30),
) -> Store:
    """`endpoint` may be plain http. `refuses_replacing=False` is for servers that do not know `If-None-Match: *`."""
    config: S3Config = {"endpoint": endpoint} if endpoint else {}
    objects = S3Store(
        bucket,
        config=config,
        prefix=prefix,
        region=region,
        access_key_id=access_key_id,
        secret_access_key=secret_access_key,
        virtual_hosted_style_request=not path_style,
        client_options={"allow_http": bool(endpoint and endpoint.startswith("http://")), "timeout": timeout},
        retry_config={"max_retries": 3, "retry_timeout": timeout},
    )

    async def write(key: str, intake: Intake, *, replace: bool) -> None:
        await _write(objects, key, intake, "create" if refuses_replacing and not replace else "overwrite")

    return Store(objects, write)


async def _write(objects: S3Store, key: str, intake: Intake, mode: Literal["create", "overwrite"]) -> None:
    # An object appears only when it is complete, so no temporary name is needed. A small one goes in one request that
    # refuses to replace; a larger one in parts, where the fresh name of every upload is what keeps two apart.
    chunks = aiter(intake)
    first = await _up_to_a_part(chunks)
    if len(first) < PART:
        await obstore.put_async(objects, key, first, mode=mode)
    else:
        await obstore.put_async(objects, key, _joined(first, chunks), use_multipart=True, chunk_size=PART)


async def _up_to_a_part(chunks: AsyncIterator[bytes]) -> bytes:
    held = bytearray()
    async for chunk in chunks:
        held += chunk
        if len(held) >= PART:
            break
    return bytes(held)


async def _joined(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in rest:
        yield chunk
