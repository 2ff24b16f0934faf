"""What can go wrong while databases are made or migrated, in the words of the house."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import asyncpg
from alembic.util import CommandError
from sqlalchemy.exc import DBAPIError

from milepost.domain.errors import ConfigurationError, MilepostError, Unavailable

AWAY = (OSError, TimeoutError, asyncpg.CannotConnectNowError, asyncpg.PostgresConnectionError)
LOCKED = "55P03"


@contextmanager
def plain_trouble() -> Generator[None]:
    """Raises Unavailable, ConfigurationError, or MilepostError with what the server said."""
    try:
        yield
    except AWAY as error:
        raise Unavailable(server="PostgreSQL", hint=f"It was tried: {error}" if str(error) else None) from error
    except asyncpg.InvalidAuthorizationSpecificationError as error:
        raise ConfigurationError(f"PostgreSQL refuses the owner's login: {error}.") from error
    except asyncpg.InsufficientPrivilegeError as error:
        hint = "Give the owner's address in MILEPOST_OWNER_DATABASE_URL."
        raise ConfigurationError(f"The owner's login lacks a right: {error}.", hint=hint) from error
    except CommandError as error:
        raise ConfigurationError(f"The histories do not allow that: {error}.") from error
    except (DBAPIError, asyncpg.PostgresError) as error:
        raise _refused(error) from error


def _refused(error: Exception) -> MilepostError:
    cause = error.orig if isinstance(error, DBAPIError) else error
    if getattr(cause, "sqlstate", None) == LOCKED:
        hint = "Somebody holds a lock. What was begun is undone; try again."
        return Unavailable("A table stayed locked for longer than three seconds.", hint=hint)
    return MilepostError(f"PostgreSQL refused: {cause}. What was begun is undone.")
