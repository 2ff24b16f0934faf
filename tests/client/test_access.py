"""Address and key: what is none is told before anything is sent, and the key is in no message."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from milepost.client import Client, Unsendable
from milepost.domain.errors import ConfigurationError, JobNotFound, MilepostError, UnknownKind
from tests.cli.running import Up
from tests.client.test_transport import serving

SECRET = "sk_live_0123456789abcdef"
OTHER_PATHS = ["../events", "../summary", "..", "", "x?wait=1", "x/why", "a\nb", "\udcff"]


async def test_the_white_space_that_a_file_leaves_around_a_key_is_no_part_of_it(stack: Up):
    async with Client(stack.note["api_url"], f" {stack.note['api_key']}\n") as client:
        assert (await client.summary())["kinds"]


@pytest.mark.parametrize("key", [f"{SECRET}\nX: y", f"{SECRET}é", f"{SECRET}\x00", f"{SECRET}\udcff", "", " "])
def test_a_key_that_is_none_is_refused_and_never_shown(key: str):
    with pytest.raises(ConfigurationError, match="The API key") as refused:
        Client("http://127.0.0.1:9", key)

    assert SECRET not in f"{refused.value} {refused.value.hint}"


@pytest.mark.parametrize(
    "url", ["", "nonsense", "ftp://x", "http://", "http://[::1", "http://x:99999", "http://\udcff"]
)
def test_an_address_that_is_none_is_refused(url: str):
    with pytest.raises(ConfigurationError, match="The API's address is none"):
        Client(url, SECRET)


async def test_what_http_cannot_carry_is_neither_tried_again_nor_quoted(stack: Up):
    began = time.monotonic()
    async with Client(stack.note["api_url"], SECRET) as client:
        client._http.headers["Authorization"] = f"Bearer {SECRET}\n"  # pyright: ignore[reportPrivateUsage]
        with pytest.raises(Unsendable) as call:
            await client.summary()
        with pytest.raises(Unsendable) as stream:
            await anext(client.watch())

    assert time.monotonic() - began < 5, "the patience is thirty seconds"
    assert SECRET not in f"{call.value} {stream.value}"


@pytest.mark.parametrize("text", ["5", "[]", "{}", "{", "null", "\xff"])
def test_a_note_that_no_stack_wrote_is_told_as_such(tmp_path: Path, text: str):
    (tmp_path / "milepost.json").write_bytes(text.encode("latin-1"))

    with pytest.raises(ConfigurationError, match=r"milepost\.json is not what a stack writes"):
        Client.of_stack(tmp_path)


@pytest.mark.parametrize("words", OTHER_PATHS)
async def test_an_id_or_a_kind_never_leads_to_another_address(words: str):
    async with serving() as (url, seen), Client(url, SECRET) as client:
        calls = (client.get, client.wait, client.why, client.cancel, client.retry)
        for call in calls:
            with pytest.raises(JobNotFound):
                await call(words)
        with pytest.raises(JobNotFound):
            await anext(client.watch(words))
        with pytest.raises(UnknownKind):
            await client.submit(words, prompt="x")
        with pytest.raises(UnknownKind):
            await client.list(words)
        with pytest.raises(MilepostError):
            await client.images.delete(words)

    assert seen == []
