"""What a client is given, address and key, checked before anything is sent. No message shows the key."""

from __future__ import annotations

import json
import re
from pathlib import Path

import httpx2

from milepost.client.errors import NoStack
from milepost.domain.errors import ConfigurationError

KEY = re.compile(r"[\x21-\x7e]+")
LAST_PORT = 65_535


def checked_key(key: str) -> str:
    """Without the white space that files and shells leave around it. Raises ConfigurationError."""
    stripped = key.strip()
    if not KEY.fullmatch(stripped):
        fault = "holds characters that no key has" if stripped else "is empty"
        raise ConfigurationError(
            f"The API key {fault}.", hint="It is what stands in MILEPOST_API_KEY, and begins with sk_."
        )
    return stripped


def checked_url(url: str) -> str:
    """Raises ConfigurationError for what is no address of a server."""
    try:
        parts = httpx2.URL(url.strip())
    except (httpx2.InvalidURL, UnicodeError):
        parts = httpx2.URL()
    if parts.scheme not in {"http", "https"} or not parts.host or (parts.port or 0) > LAST_PORT:
        raise ConfigurationError("The API's address is none.", hint="It looks like http://127.0.0.1:8000.")
    return url.strip()


def of_stack(data_dir: str | Path) -> tuple[str, str]:
    """Address and key of the stack that runs there. Raises NoStack, ConfigurationError."""
    path = Path(data_dir) / "milepost.json"
    try:
        stack = json.loads(path.read_text())
        return str(stack["api_url"]), str(stack["api_key"])
    except (FileNotFoundError, NotADirectoryError):
        raise NoStack(folder=path.parent.absolute()) from None
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.") from None
    except (ValueError, TypeError, KeyError):
        raise ConfigurationError(
            f"{path} is not what a stack writes.", hint="Stop the stack and start it again."
        ) from None
