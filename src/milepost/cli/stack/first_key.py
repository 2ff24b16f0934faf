"""The master key at a first start: found, made where that may be done, and told of."""

from __future__ import annotations

from pathlib import Path

from milepost.domain.errors import ConfigurationError
from milepost.settings import Settings
from milepost.tenancy import keys
from milepost.wiring import known_master_key, master_key_file

MADE = "A new master key was written to {}. Without it the data's secrets cannot be read."


class FirstKey:
    """`made` is the file that `make` wrote, and None while there was no need to."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.made: Path | None = None

    def known(self) -> bytes | None:
        """None: there is none yet. Raises ConfigurationError in production, where one is given and never made."""
        key = known_master_key(self._settings)
        if key is None and self._settings.mode == "production":
            raise ConfigurationError(
                "There is no master key, and production makes none: it could be lost with the machine.",
                hint="Make one with 'openssl rand -hex 32' and set MILEPOST_MASTER_KEY, or MILEPOST_MASTER_KEY_FILE.",
            )
        return key

    def make(self) -> bytes:
        file = master_key_file(self._settings)
        try:
            key, new = keys.load_master_key(file)
        except OSError as error:
            raise ConfigurationError(f"No master key can be written to {file}: {error.strerror}.") from None
        self.made = file.absolute() if new else None
        return key
