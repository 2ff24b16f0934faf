"""What a validator demands, said in the JSON schema too: a pattern is written once, and read by both."""

from __future__ import annotations

from typing import Any

from pydantic import GetJsonSchemaHandler
from pydantic_core import CoreSchema

# what Python strips, in a class that all dialects of patterns read alike; they differ in what \s is
BLANKS = r"\t-\r\u001c-\u001f \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
NO_NUL = r"^[^\u0000]*$"
# no NUL, and something that can be seen
NOT_BLANK = rf"^[^\u0000]*[^\u0000{BLANKS}][^\u0000]*$"


class Told:
    """Keywords for the schema of an annotated type, as `Annotated[str, check, Told(pattern=…)]`."""

    def __init__(self, **keywords: Any) -> None:
        self._keywords = keywords

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(core), **self._keywords}


def whole(pattern: str) -> str:
    """A pattern that must fit all of the text."""
    return f"^(?:{pattern})$"
