"""What copies of audit rows call users and keys: a keyed hash, which names nobody once the key is destroyed."""

from __future__ import annotations

import hashlib
import hmac

from milepost.domain.canonical import Entry

SYSTEM = "system"
NAMING = frozenset({"user", "api_key"})
PSEUDONYM = 64
MOST_REMEMBERED = 10_000


class Veil:
    """Of one tenant, under a key derived from the tenant's own."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._known: dict[str, str] = {}

    def hidden(self, name: str) -> str:
        found = self._known.get(name)
        if found is None:
            if len(self._known) >= MOST_REMEMBERED:
                self._known.clear()
            found = self._known[name] = hmac.new(self._key, name.encode(), hashlib.sha256).hexdigest()
        return found

    def over(self, entry: Entry) -> Entry:
        """The row as its copy is kept: the user, the actor behind its colon, and a user or key that the row is about."""
        kind, colon, name = entry.actor.partition(":")
        about = entry.resource_id
        return entry._replace(
            user_id=entry.user_id if entry.user_id == SYSTEM else self.hidden(entry.user_id),
            actor=f"{kind}:{self.hidden(name)}" if colon else kind,
            resource_id=self.hidden(about) if entry.resource_type in NAMING else about,
        )
