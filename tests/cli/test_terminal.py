"""The libraries of the terminal are set up in one place, and change nothing of other people's texts anywhere."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from milepost.cli.app import COMMANDS
from milepost.cli.output import as_json
from milepost.domain.text import visible
from tests.cli.running import Up, call, clean_environment, new_folder, on_terminal
from tests.docs.pages import ROOT

# what rich takes for emoji, for markup, for a link, for a number or a path; what wide letters and long words do to a line
NAUGHTY = "user:id:42 :x: :ok: [bold]b[/bold] [/] [link=file:///x]l[/link] \\[red] 'q' 3.14 /usr/bin 雷鳴 " + "w" * 90
EMOJI = "🆔❌🆗"
SOURCES = [path for room in ("src", "workers") for path in sorted((ROOT / room).rglob("*.py"))]
ONE_PLACE = ROOT / "src/milepost/cli/terminal.py"
# of typer, whatever writes or asks by itself
SPEAKS = {"echo", "secho", "style", "prompt", "confirm", "progressbar", "pause", "Typer"}


def _faults(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [name.name for name in node.names]
            if any(name.split(".")[0] == "rich" or name == "typer.rich_utils" for name in names):
                yield f"{path.name}:{node.lineno} imports rich"
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="typer"), attr=name)) if name in SPEAKS:
                yield f"{path.name}:{node.lineno} uses typer.{name}"
            case _:
                pass


def test_only_one_module_sets_up_the_terminal():
    assert [fault for path in SOURCES if path != ONE_PLACE for fault in _faults(path)] == []
    assert len(list(_faults(ONE_PLACE))) >= 4, "what is looked for is there to be found"


@pytest.mark.parametrize("arguments", [(), *((command,) for command in COMMANDS)])
def test_help_is_plain_text_that_fits_a_terminal(arguments: Sequence[str]):
    said = call(*arguments, "--help")

    assert not set("╭│╰") & set(said.out)
    assert "[default: " in said.out or "--data-dir" not in said.out
    assert max(len(line) for line in said.out.splitlines()) <= 80


@dataclass(frozen=True)
class Known:
    """Things with naughty names: a job that is done, one that waits, a sticker, a key."""

    job: str
    waiting: str
    sticker: str
    key: str


@pytest.fixture(scope="module")
def known(stack: Up) -> Known:
    where = ("--json", "--data-dir", str(stack.folder))
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    words = ("--title", "[bold]:x:[/]", "--character-name", ":id:[/]", "--attribute", ":ok:", "--rarity", "[red]r")
    return Known(
        call("submit", "execution", NAUGHTY, "--wait", *where).json["id"],
        call("submit", "execution", NAUGHTY, "--scheduled-at", later, *where).json["id"],
        call("submit", "image", NAUGHTY, *words, "--background-color", "red", "--wait", *where).json["id"],
        call("keys", "create", NAUGHTY[:90], *where).json["id"],
    )


SPOKEN: dict[str, tuple[Callable[[Known], Sequence[str]], str]] = {
    "submit and wait": (lambda _: ("submit", "execution", NAUGHTY, "--wait"), NAUGHTY),
    "list": (lambda _: ("jobs", "list"), NAUGHTY[:20]),
    "show": (lambda known: ("jobs", "show", known.job), NAUGHTY),
    "show a sticker": (lambda known: ("jobs", "show", known.sticker), '"[bold]:x:[/]"'),
    "watch": (lambda known: ("jobs", "watch", known.job), "created"),
    "why": (lambda known: ("jobs", "why", known.waiting), "not due"),
    "stickers": (lambda _: ("images", "list"), ":id:[/]"),
    "keys": (lambda _: ("keys", "list"), NAUGHTY[:14]),
    "no such model": (lambda _: ("submit", "execution", "x", "--model", ":x:[bold]"), "/model"),
    "no such status": (lambda _: ("jobs", "list", "--status", ":x:[/]"), ":x:[/]"),
    "no number": (lambda _: ("submit", "execution", "x", "--max-tokens", ":x:[/]"), "not :x:[/]"),
    "no such command": (lambda _: ("jobs", ":x:[bold]"), ":x:[bold]"),
    "no such job": (lambda _: ("jobs", "show", ":x:[/]"), ":x:[/]"),
    "no such kind": (lambda _: ("submit", ":x:[/]", "x"), ":x:[/]"),
    "doctor": (lambda _: ("doctor",), "valkey"),
}


@pytest.mark.parametrize("terminal", [False, True], ids=["in a pipe", "on a terminal"])
@pytest.mark.parametrize("what", SPOKEN)
def test_foreign_texts_are_written_as_they_are(stack: Up, known: Known, what: str, *, terminal: bool):
    arguments, spoken = SPOKEN[what]
    run = on_terminal if terminal else call

    said = run(*arguments(known), "--data-dir", str(stack.folder))

    told = said.out + said.err
    assert "Traceback" not in told
    assert spoken in plain(told)
    assert not set(EMOJI) & set(told)


def test_a_reason_stands_in_the_history_as_it_was_given(stack: Up, known: Known):
    reason, where = ":id: [bold]x[/bold] [/]", ("--data-dir", str(stack.folder))

    call("jobs", "cancel", known.waiting, "--reason", reason, *where)
    call("jobs", "retry", known.waiting, "--reason", reason, *where)
    shown = ("jobs", "show", known.waiting, *where)

    for told in (call(*shown).out, on_terminal(*shown, columns=200).out):
        assert plain(told).count(reason) >= 2


def test_a_folder_with_a_naughty_name_is_greeted_as_it_is():
    with new_folder() as folder, Up(folder.with_name(":x:[bold]") / "stack") as up:
        assert "/:x:[bold]/stack" in up.greeting
        assert not set(EMOJI) & set(up.greeting)


def plain(told: str) -> str:
    """Without the colours that a terminal got."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", told)


def test_a_document_is_readable_and_whole_whatever_is_in_it(stack: Up):
    text = "雷鳴 \x7f \x9b31m \u202e :id: \ud83c"
    said = call("submit", "execution", "雷鳴 :id:", "--json", "--data-dir", str(stack.folder))
    printed = as_json({"text": text}, indent=2)

    assert '"prompt": "雷鳴 :id:"' in said.out
    assert json.loads(printed) == {"text": text}
    assert printed.isprintable() or visible(printed) == printed


def test_tabs_in_a_text_are_not_made_blanks(stack: Up):
    job = call("submit", "execution", "a\tb", "--json", "--data-dir", str(stack.folder)).json

    assert "\na\tb\n" in call("jobs", "show", job["id"], "--data-dir", str(stack.folder)).out


def test_a_reader_that_goes_away_is_no_error(stack: Up, known: Known):
    show = [sys.executable, "-P", "-m", "milepost.cli.app", "jobs", "show", known.job, "--data-dir", str(stack.folder)]

    with subprocess.Popen(show, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=clean_environment()) as shown:
        assert shown.stdout
        shown.stdout.close()
        assert shown.stderr
        assert shown.stderr.read() == b""

    assert shown.returncode == 0


def test_what_the_terminal_cannot_write_is_written_as_an_escape_sequence(stack: Up, known: Known):
    show = [sys.executable, "-P", "-m", "milepost.cli.app", "jobs", "show", known.job, "--data-dir", str(stack.folder)]

    shown = subprocess.run(show, capture_output=True, env=clean_environment(PYTHONIOENCODING="ascii"), check=True)

    assert rb"\u96f7\u9cf4" in shown.stdout
