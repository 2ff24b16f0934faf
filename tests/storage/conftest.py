"""One suite over both stores: a local folder, and a bucket behind obstore's real S3 client."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from uuid import UUID

import pytest

from milepost.storage import Store, local_store, s3_store
from milepost.storage.paths import execution_artifact
from tests.servers.s3 import BucketServer


@pytest.fixture
async def bucket() -> AsyncIterator[BucketServer]:
    async with BucketServer() as server:
        yield server


def bucket_store(server: BucketServer, *, secret: str = BucketServer.access_key_id) -> Store:
    return s3_store(
        server.bucket, endpoint=server.url, access_key_id=secret, secret_access_key=server.secret_access_key
    )


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path, bucket: BucketServer) -> Store:
    return local_store(tmp_path / "artifacts") if request.param == "folder" else bucket_store(bucket)


@pytest.fixture
def fresh_path() -> Callable[[], str]:
    return lambda: execution_artifact("acme", UUID(int=1), UUID(int=2))
