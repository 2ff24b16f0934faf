"""The words of `milepost submit`, taken apart: its own options, a kind's fields, and texts that are left as they are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from milepost.cli import exits

FIELD = re.compile(r"--[A-Za-z][A-Za-z0-9_-]*")
LETTER = re.compile(r"-[A-Za-z]")


@dataclass(frozen=True, slots=True)
class Words:
    """`plain` is the kind and then texts; `fields` are names as requests have them, with their values."""

    own: tuple[str, ...]
    plain: tuple[str, ...]
    fields: tuple[tuple[str, str], ...]


def take_apart(words: Sequence[str], options: Mapping[str, bool]) -> Words:
    """`options`: the command's own, and whether each takes a value. Raises Exit."""
    own, plain, fields, rest = list[str](), list[str](), list[tuple[str, str]](), iter(words)
    for word in rest:
        name = word.partition("=")[0] if word.startswith("--") else word
        if word == "--":
            plain += rest
        elif name in options:
            own.append(f"{name}={_value(word, rest)}" if options[name] else word)
        elif FIELD.fullmatch(name):
            fields.append((name[2:].replace("-", "_"), _value(word, rest)))
        else:
            plain.append(_text(word))
    return Words(tuple(own), tuple(plain), tuple(fields))


def _value(word: str, rest: Iterator[str]) -> str:
    _, equals, value = word.partition("=")
    found = value if equals else next(rest, None)
    if found is None:
        raise exits.Exit(exits.USAGE, f"{word} needs a value.")
    return found


def _text(word: str) -> str:
    if LETTER.fullmatch(word):
        hint = "A text that looks like an option stands after --."
        raise exits.Exit(exits.USAGE, f"There is no option {word}.", hint=hint)
    return word
