"""Faults of a model server, chosen per request by a marker in its prompt: `[[status code=429 retry-after=7]]`.

status code=N [retry-after=S|DATE]   refuse with this status
too_long                             refuse because the prompt exceeds the window
echo_key                             refuse with a 401 whose body repeats the caller's key
cut [after=N]                        reset the connection after N pieces
end_early [after=N]                  end the stream cleanly, but without a stop reason
error_event [type=T] [after=N]       report an error inside the stream
garbage [after=N]                    send an event that is not JSON
html                                 answer 200 with a page instead of a stream
silent                               accept the request and never answer
stall [after=N]                      stop sending after N pieces and keep the connection open
drip [seconds=S] [pieces=N]          send N pieces with a pause before each
huge bytes=N                         an answer of exactly N bytes

`times=N` limits a fault to the first N requests with the same prompt.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_MARKER = re.compile(r"\[\[(?P<name>[a-z_]+)(?P<options>(?:\s+[a-z-]+=(?:\"[^\"]*\"|[^\s\]]+))*)\]\]")
_OPTION = re.compile(r"([a-z-]+)=(?:\"([^\"]*)\"|([^\s\]]+))")


@dataclass(frozen=True, slots=True)
class Fault:
    name: str
    options: Mapping[str, str] = field(default_factory=dict[str, str])

    def number(self, option: str, default: float) -> float:
        return float(self.options.get(option, default))

    @property
    def after(self) -> int:
        return int(self.number("after", 2))


NONE = Fault("none")


def fault_in(prompt: str) -> Fault:
    found = _MARKER.search(prompt)
    if found is None:
        return NONE
    options = {name: quoted or plain for name, quoted, plain in _OPTION.findall(found["options"])}
    return Fault(found["name"], options)
