"""What a form sends: small, urlencoded, each field once."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request

from milepost.dashboard.refusals import Refused
from milepost.dashboard.words import titled
from milepost.domain.text import grouped

LARGEST = 16 * 1024
MOST_FIELDS = 20
LONGEST_REASON = 200


async def read_form(request: Request) -> Mapping[str, str]:
    """Raises Refused for whatever no page of ours sends."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise Refused(415, "That is no form", "Forms are sent as application/x-www-form-urlencoded.")
    try:
        body = await _body(request)
        fields = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict")
    except (ValueError, ClientDisconnect):  # nobody hears it who has left
        raise _unreadable() from None
    if len({name for name, _ in fields}) != len(fields):
        raise _unreadable()
    return dict(fields)


async def _body(request: Request) -> bytearray:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST:
            raise Refused(413, "That is too much", f"A form may have {LARGEST // 1024} KiB.")
    return body


def reason_in(form: Mapping[str, str]) -> str | None:
    """One line without control characters; None where nothing was said. Raises Refused for one that is too long."""
    text = " ".join("".join(c if c.isprintable() else " " for c in form.get("reason", "")).split())
    if len(text) > LONGEST_REASON:
        raise Refused(422, "The reason is too long", f"Say it in {LONGEST_REASON} characters.")
    return text or None


def number_in(form: Mapping[str, str], name: str, most: int) -> int | None:
    """None where the field was left empty. Raises Refused."""
    text = form.get(name, "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= most):
        said = f"{titled(name)} is a whole number from 1 to {grouped(most)}."
        raise Refused(422, "That is no number we can take", said)
    return int(text)


def _unreadable() -> Refused:
    return Refused(400, "The form cannot be read", "Go back, reload the page, try again.")
