"""Templates, rendered: a whole page, or the parts of one that change while somebody looks."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from milepost import __version__
from milepost.dashboard import words
from milepost.dashboard.assets import url_of
from milepost.dashboard.foreign import foreign, shown
from milepost.domain.ids import short_id
from milepost.domain.text import grouped, one_line

ENVIRONMENT = Environment(
    loader=PackageLoader("milepost.dashboard"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
    finalize=shown,
)
ENVIRONMENT.globals.update({"asset": url_of, "version": __version__, "PHASES": words.PHASES})  # pyright: ignore[reportUnknownMemberType]
FILTERS: dict[str, Callable[..., Any]] = {
    "moment": words.moment,
    "clock": words.clock,
    "since": words.since,
    "span": words.span,
    "coarse": words.coarse,
    "foreign": foreign,
    "grouped": grouped,
    "size": words.size,
    "counted": words.counted,
    "titled": words.titled,
    "shortened": one_line,
    "actor": words.actor,
    "short_id": short_id,
    "kind": words.kind_word,
    "brief_id": words.brief_id,
    "as_json": words.as_json,
}
ENVIRONMENT.filters.update(FILTERS)  # pyright: ignore[reportUnknownMemberType]

Parts = Mapping[str, Markup]


def render(template: str, **context: Any) -> Markup:
    return Markup(ENVIRONMENT.get_template(f"{template}.html").render(context))  # noqa: S704 - escaped by the template


def parts(page: str, names: Iterable[str], **context: Any) -> Parts:
    """Each part by its name. What is the same twice is written the same twice."""
    return {name: render(f"parts/{page}_{name}", **context) for name in names}


def digests(shown: Parts) -> str:
    """What a browser shows, in few letters: one digest per part, in their order."""
    return "-".join(hashlib.blake2s(part.encode(), digest_size=5).hexdigest() for part in shown.values())


def changed(shown: Parts, known: str) -> Parts:
    """The parts that differ from those that `known` stands for; all of them where it stands for other ones."""
    before = known.split("-")
    if len(before) != len(shown):
        return shown
    now = digests(shown).split("-")
    return {name: part for (name, part), was, is_ in zip(shown.items(), before, now, strict=True) if was != is_}
