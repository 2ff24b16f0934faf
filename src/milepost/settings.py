"""Every setting, with its default. Read from the environment (`MILEPOST_…`), else from a running stack's milepost.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from milepost.domain.errors import ConfigurationError

STACK_FILE = "milepost.json"
FROM_STACK = (
    "database_url",
    "maintenance_database_url",
    "owner_database_url",
    "control_database_url",
    "control_owner_database_url",
    "redis_url",
    "api_url",
    "api_key",
)


class Settings(BaseSettings):
    """Secrets are SecretStr: they show as stars wherever settings are printed."""

    model_config = SettingsConfigDict(env_prefix="MILEPOST_", extra="ignore", populate_by_name=True)

    mode: Literal["development", "production"] = "development"
    data_dir: Path = Path(".milepost")

    database_url: SecretStr | None = Field(
        default=None, validation_alias=AliasChoices("MILEPOST_DATABASE_URL", "DATABASE_URL", "database_url")
    )
    maintenance_database_url: SecretStr | None = None
    owner_database_url: SecretStr | None = None
    control_database_url: SecretStr | None = None
    control_owner_database_url: SecretStr | None = None
    redis_url: SecretStr | None = None
    pooler: bool = False

    master_key_file: Path | None = None
    master_key: SecretStr | None = None
    api_key_pepper: SecretStr | None = None

    api_url: str = "http://127.0.0.1:8000"
    api_key: SecretStr | None = None
    host: str = "127.0.0.1"
    port: int = 8000
    allow_http_callbacks: bool = False

    storage: str | None = Field(default=None, description="a folder, or s3://bucket/prefix; default: <data_dir>/files")
    s3_endpoint: str | None = None
    s3_region: str | None = None
    s3_access_key_id: SecretStr | None = None
    s3_secret_access_key: SecretStr | None = None

    max_jobs: int = Field(default=100, ge=1, le=10_000)
    grace_seconds: float = Field(default=30.0, ge=0)
    lease_seconds: float | None = Field(default=None, ge=2)
    """How long a silent worker keeps its jobs before another gets them. Default: what the kind says, 20."""

    default_model: str | None = None
    anthropic_api_key: SecretStr | None = None
    openai_api_key: SecretStr | None = None
    google_api_key: SecretStr | None = None

    log_format: Literal["text", "json"] = "text"
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    def need(self, name: str) -> str:
        """The value of a setting that must be there. Raises ConfigurationError that says how to give it."""
        value = getattr(self, name)
        if value is None:
            raise ConfigurationError(
                f"The setting {name} is missing.",
                hint=f"Set MILEPOST_{name.upper()}, or start a stack here with 'milepost up'.",
            )
        return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


def load(**given: Any) -> Settings:
    """Command-line values first, then the environment, then the stack that runs in the data folder."""
    settings = Settings(**{name: value for name, value in given.items() if value is not None})
    stack = read_stack(settings.data_dir)
    found = {
        name: stack[name]
        for name in FROM_STACK
        if name in stack and name not in settings.model_fields_set
    }
    # a server named in the environment is never mixed with the stack's
    if "database_url" in settings.model_fields_set:
        found = {name: value for name, value in found.items() if "database_url" not in name}
    return settings.model_copy(update={name: _typed(name, value) for name, value in found.items()})


def read_stack(data_dir: Path) -> dict[str, Any]:
    """What `milepost up` wrote; empty when no stack was started there."""
    path = data_dir / STACK_FILE
    try:
        return dict(json.loads(path.read_text()))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}.", hint="Stop the stack and start it again.") from None


def _typed(name: str, value: Any) -> Any:
    return value if name == "api_url" else SecretStr(value)
