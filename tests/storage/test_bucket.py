"""What only a bucket can get wrong: rights, failures that pass, uploads in parts."""

from __future__ import annotations

import pytest

from milepost.storage import StoreRefused, s3_store
from tests.servers.s3 import BucketServer
from tests.storage.conftest import bucket_store

PATH = "storage/acme/executions/e/a/1"


async def test_the_key_is_what_follows_storage(bucket: BucketServer) -> None:
    await bucket_store(bucket).put(PATH, b"x")

    assert list(bucket.objects) == ["acme/executions/e/a/1"]


async def test_a_prefix_in_the_bucket_is_invisible_from_outside(bucket: BucketServer) -> None:
    store = s3_store(
        bucket.bucket,
        endpoint=bucket.url,
        prefix="milepost/dev",
        access_key_id=bucket.access_key_id,
        secret_access_key=bucket.secret_access_key,
    )
    await store.put(PATH, b"x")

    assert list(bucket.objects) == ["milepost/dev/acme/executions/e/a/1"]
    assert [found.path async for found in store.list()] == [PATH]


async def test_a_failure_that_passes_is_not_noticed(bucket: BucketServer) -> None:
    bucket.failures = 2

    await bucket_store(bucket).put(PATH, b"x")

    assert bucket.objects["acme/executions/e/a/1"].data == b"x"


async def test_a_refusal_names_the_file_and_no_secret(bucket: BucketServer) -> None:
    store = bucket_store(bucket, secret="somebody-else")

    with pytest.raises(StoreRefused) as refusal:
        await store.put(PATH, b"x")

    assert PATH in str(refusal.value)
    assert bucket.secret_access_key not in str(refusal.value)


async def test_an_unreachable_bucket_is_a_refusal() -> None:
    async with BucketServer() as server:
        gone = server
    with pytest.raises(StoreRefused):
        await bucket_store(gone).stat(PATH)


async def test_a_large_file_goes_in_parts_and_leaves_no_upload_open(bucket: BucketServer) -> None:
    await bucket_store(bucket).put(PATH, b"x" * (11 << 20))

    assert any("uploads" in query for _, _, query in bucket.journal)
    assert bucket.uploads == {}
    assert len(bucket.objects["acme/executions/e/a/1"].data) == 11 << 20
