"""Address and key: what is none is told before anything is sent, and the key is in no message."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from milepost.client import ApiError, Client, NoStack, NoSuchKind, Unsendable
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


def test_where_no_stack_runs_is_told_with_the_folder_and_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()

    for folder in ((), (tmp_path / "nowhere",), (tmp_path / "file",)):
        with pytest.raises(NoStack) as refused:
            Client.of_stack(*folder)

        assert isinstance(refused.value, ConfigurationError)
        assert str(tmp_path) in str(refused.value), "the whole path: a relative one tells nothing"
        assert "milepost up" in str(refused.value.hint)
        assert "Client(" in str(refused.value.hint)
    with pytest.raises(NoStack, match=re.escape(str(tmp_path / ".milepost"))):
        Client.of_stack()


def test_a_note_that_cannot_be_read_is_told_as_such(tmp_path: Path):
    (tmp_path / "milepost.json").mkdir()

    with pytest.raises(ConfigurationError, match="cannot be read"):
        Client.of_stack(tmp_path)


async def test_a_kind_that_there_is_not_is_told_with_those_that_there_are_the_nearest_first(stack: Up):
    async with Client.of_stack(stack.folder) as client:
        for name, kinds in (
            ("execution", "executions, images"),
            ("image", "images, executions"),
            ("zzz", "executions, images"),
        ):
            for call in (
                client.submit(name, prompt="x"),
                client.submit_many(name, [{"prompt": "x"}]),
                client.list(name),
            ):
                with pytest.raises(NoSuchKind) as refused:
                    await call

                assert isinstance(refused.value, ApiError | UnknownKind)
                assert f'There is no kind "{name}". Known kinds: {kinds}.' in str(refused.value)


async def test_what_can_be_no_kinds_name_is_told_with_the_known_ones_too(stack: Up):
    async with Client.of_stack(stack.folder) as client:
        with pytest.raises(UnknownKind) as refused:
            await client.submit("Execution", prompt="x")

    assert refused.value.hint == "Known kinds: executions, images."
