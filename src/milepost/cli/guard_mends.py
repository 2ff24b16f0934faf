"""What puts a guard back, by the words in which the self test misses it. A migration never looks at what it did before."""

from __future__ import annotations

import re

BY_HAND = "As the owner: "
MIGRATE = "'milepost migrate' with the owner's address; if that was done, as the owner: "


def mend_of(problem: str, *, newest: bool) -> str:
    """`newest`: the history is known to be at its end, so that migrating brings nothing."""
    for pattern, sql, migrated in MENDS:
        if match := re.fullmatch(pattern, problem):
            found = ("" if part == "(new)" else part for part in match.groups())
            return f"{MIGRATE if migrated and not newest else BY_HAND}{sql.format(*found)}"
    return "Its trigger is off or gone, or its function another: as the owner, make it again from migrations/."


EDGE = r"(\w+) (\w+|\(new\)) to (\w+) \((\w+)\)"
# how it is told, what puts it right, and whether a migration brings what is missing
MENDS = (
    (r"trigger (\w+) on (\w+) is not ENABLE ALWAYS", "ALTER TABLE {1} ENABLE ALWAYS TRIGGER {0};", False),
    (
        r"(\w+) has no trigger (\w+)",
        "CREATE TRIGGER {1} as in migrations/, then: ALTER TABLE {0} ENABLE ALWAYS TRIGGER {1};",
        True,
    ),
    (
        rf"legal_transitions has {EDGE}, the machine has not",
        "DELETE FROM legal_transitions WHERE job_kind = '{0}' AND from_status = '{1}' AND to_status = '{2}';",
        False,
    ),
    (
        rf"legal_transitions lacks {EDGE}",
        "INSERT INTO legal_transitions VALUES ('{0}', '{1}', '{2}', '{3}');",
        True,
    ),
)
