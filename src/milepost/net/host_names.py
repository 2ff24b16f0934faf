"""The one ASCII form of a host name that is written in Unicode, and only where every reader finds the same.

Readers are UTS-46 as browsers use it (non-transitional) with the rules of IDNA 2008 behind it, UTS-46 transitional, and
IDNA 2003, which Python's own codec speaks.
"""

from __future__ import annotations

import re

import idna

from milepost.domain.errors import UrlNotAllowed

# underscores and hyphens inside are no host name to the letter, and in use: r3---sn-x.googlevideo.com
LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
LONGEST = 253
# what transitional processing made of the characters that it treats otherwise (UTS-46, table 1)
DEVIATIONS = str.maketrans(
    {"ß": "ss", "ς": "\N{GREEK SMALL LETTER SIGMA}", "\N{ZERO WIDTH NON-JOINER}": "", "\N{ZERO WIDTH JOINER}": ""}
)


def ascii_host(written: str) -> str:
    """In lower case, a last dot kept. Raises UrlNotAllowed: `host name`, or `ambiguous` where readers differ."""
    try:
        if any(not idna.uts46_remap(letter, std3_rules=False) for letter in written if not letter.isascii()):
            raise UrlNotAllowed(fault="ambiguous", hint="its host has characters that nobody sees")
        mapped = idna.uts46_remap(written, std3_rules=False)
        host = _encoded(mapped)
    except UnicodeError:
        raise UrlNotAllowed(fault="host name", hint="IDNA 2008 knows no such name") from None
    for other in (_transitional(mapped), _of_2003(written)):
        if other not in {None, host}:
            raise UrlNotAllowed(fault="ambiguous", hint=f"some read its host as {host}, some as {other}: write which")
    return host


def _encoded(mapped: str) -> str:
    labels = mapped.split(".")
    end = [""] if len(labels) > 1 and not labels[-1] else []
    host = ".".join([*map(_label, labels[: len(labels) - len(end)]), *end])
    if len(host) > LONGEST + len(end):
        raise idna.IDNAError("too long")
    return host


def _label(label: str) -> str:
    if label.isascii() and not label.startswith("xn--"):
        if not LABEL.fullmatch(label):
            raise idna.IDNAError("no label")
        return label
    encoded = idna.alabel(label).decode()
    # a name that was encoded without being mapped first is one that no reader of the decoded form arrives at
    decoded = idna.ulabel(encoded)
    if idna.uts46_remap(decoded, std3_rules=False) != decoded:
        raise idna.IDNAError("not mapped")
    return encoded


def _transitional(mapped: str) -> str | None:
    try:
        return _encoded(mapped.translate(DEVIATIONS))
    except UnicodeError:
        return None


def _of_2003(written: str) -> str | None:
    try:
        return written.encode("idna").decode().lower()
    except UnicodeError:
        return None
