"""What a provider said, made fit to be stored: at most 2 KiB, and no secret in it."""

from __future__ import annotations

import json
import re
from urllib.parse import quote

ANSWER_BYTES = 2048
MASK = "[secret]"

_LOOKS_SECRET = re.compile(
    r"(?i:bearer\s+)[\w.~+/=-]{8,}"  # an Authorization header that was echoed
    r"|\bsk-[\w-]{8,}"  # Anthropic and OpenAI keys, also those of somebody else
    r"|\bAIza[\w-]{20,}"  # Google keys
)


def mask(text: str, secret: str) -> str:
    """`text` without `secret`, as it is or percent-encoded, and without what looks like a provider's key."""
    for form in {secret, quote(secret, safe="")}:
        if form:
            text = text.replace(form, MASK)
    return _LOOKS_SECRET.sub(MASK, text)


def excerpt(answer: object, secret: str) -> str | None:
    """The first 2 KiB of an answer, masked before it is cut so that no half of a secret remains."""
    if answer is None:
        return None
    text = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False, default=str)
    # A NUL is legal JSON and illegal in PostgreSQL's text and jsonb.
    masked = mask(text[: 16 * ANSWER_BYTES], secret).replace("\x00", "\N{REPLACEMENT CHARACTER}")
    return masked.encode("utf-8", "replace")[:ANSWER_BYTES].decode("utf-8", "ignore")
