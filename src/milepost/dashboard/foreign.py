"""Foreign text on a page: what others wrote is shown, isolated from what stands around it, and never obeyed."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from milepost.domain.text import visible

PLAIN, ISOLATED = Markup("{}"), Markup("<bdi>{}</bdi>")


def shown(value: Any) -> Any:
    """Whatever a template writes goes through here: text without an effect, attributes and titles included."""
    return visible(value.replace("\r\n", "\n")) if isinstance(value, str) and not isinstance(value, Markup) else value


def foreign(text: Any) -> Markup:
    """What others wrote, in an element of its own, so that its direction ends where it ends. ASCII has none to end."""
    text = str(text)
    return (PLAIN if text.isascii() else ISOLATED).format(shown(text))
