"""The tables of docs/urls.md: which blocks of addresses and which names are refused, by class, as the code has them."""

from __future__ import annotations

import re
from itertools import groupby
from operator import attrgetter

from docs.tables import table
from milepost.net.addresses import BLOCKS, OUTSIDE
from milepost.net.names import NAMES

REFUSED = re.compile(r"(?<=<!-- refused, written by docs/generate.py -->\n).*?(?=<!-- /refused -->)", re.DOTALL)


def with_refusals(page: str) -> str:
    blocks = [
        [fault, "; ".join(f"`{block.network}` {block.name}" for block in members)]
        for fault, members in groupby([*BLOCKS, OUTSIDE], key=attrgetter("fault"))
    ]
    names = [[fault, what, " ".join(f"`{name}`" for name in listed.split())] for fault, what, listed in NAMES]
    told = "\n".join(
        [
            "",
            table(["class", "addresses"], blocks),
            "",
            table(["class", "what they are", "names, each with all below it"], names),
            "",
            "",
        ]
    )
    return REFUSED.sub(lambda _: told, page)
