"""Every setting, with its default and what it is for. Read from the environment (`MILEPOST_…`), else from a running stack's milepost.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal, cast

from pydantic import AliasChoices, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from milepost.db.urls import database_address
from milepost.domain.address import read_address
from milepost.domain.errors import ConfigurationError

STACK_FILE = "milepost.json"
DEFAULT_FOLDER = Path(".milepost")
FROM_STACK = (
    "database_url",
    "maintenance_database_url",
    "owner_database_url",
    "control_database_url",
    "control_owner_database_url",
    "sealer_database_url",
    "redis_url",
    "api_url",
    "api_key",
)

ADDRESSES = {
    "redis_url": ("redis", "rediss", "unix"),
    "api_url": ("http", "https"),
    "s3_endpoint": ("http", "https"),
}


class Settings(BaseSettings):
    """Secrets are SecretStr: they show as stars wherever settings are printed."""

    model_config = SettingsConfigDict(
        env_prefix="MILEPOST_",
        env_ignore_empty=True,  # a line like MILEPOST_API_KEY= in a file of settings sets nothing
        extra="ignore",
        populate_by_name=True,
    )

    mode: Literal["development", "production"] = "development"
    """Production refuses executions for which no provider is configured; development answers them with `offline/extract`."""
    data_dir: Path = DEFAULT_FOLDER
    """Where a stack keeps its servers, keys, files and `milepost.json`."""

    database_url: SecretStr | None = Field(
        default=None, validation_alias=AliasChoices("MILEPOST_DATABASE_URL", "DATABASE_URL", "database_url")
    )
    """The tenant database, as API and workers connect: a login with the rights of `milepost_app`."""
    maintenance_database_url: SecretStr | None = None
    """The same database for maintenance, which may delete: a login of `milepost_maintenance`. Default: database_url."""
    owner_database_url: SecretStr | None = None
    """The same database for `milepost migrate` alone: a login of `milepost_owner`. Default: database_url."""
    control_database_url: SecretStr | None = None
    """The control database. Default: beside the tenant's, its name with `_control` added."""
    control_owner_database_url: SecretStr | None = None
    """The control database as its owner, for `milepost migrate` alone."""
    sealer_database_url: SecretStr | None = None
    """The control database for sealing the audit logs: a login of `milepost_sealer`. Default: control_database_url."""
    redis_url: SecretStr | None = None
    """Redis or Valkey, of this installation alone."""
    pooler: bool = False
    """Whether a transaction pooler (PgBouncer, Neon, Supabase) stands before PostgreSQL: statement caches are off."""

    master_key_file: Path | None = None
    """File with the key that wraps every tenant's key. Default: `master.key` in the data folder, made at the first start in development."""
    master_key: SecretStr | None = None
    """The key itself, instead of a file."""
    audit_signing_key_file: Path | None = None
    """File with the key that signs the seals of the audit log. Default: `audit.key` in the data folder, made by maintenance."""
    audit_signing_key: SecretStr | None = None
    """The key itself, instead of a file: 64 hex digits. For maintenance alone."""
    audit_public_key_file: Path | None = None
    """With which keys seals are checked, one a line as `milepost audit key` prints them. Default: `audit.pub` in the data folder."""
    audit_anchors: Path | None = None
    """Folder for the anchors of the audit log, best on other storage. Default: `anchors` in the data folder."""
    api_key_pepper: SecretStr | None = None
    """Keys the hashes of API keys. Changing it revokes all of them."""

    api_url: str = "http://127.0.0.1:8000"
    """Where the command line and the client find the API."""
    api_key: SecretStr | None = None
    """With which key they call it."""
    host: str = "127.0.0.1"
    """The address that the API listens on."""
    port: int = Field(default=8000, ge=0, le=65_535)
    """The port that the API listens on; 0 takes a free one."""
    trusted_proxies: str | None = None
    """Addresses, with commas between, whose X-Forwarded-For and -Proto are believed: those of your own proxies alone. Default: nobody's."""
    key_requests_per_second: float | None = Field(default=None, gt=0)
    """How often one API key may ask one API process, with ten seconds' worth at once. Default: as often as it likes."""
    refusals_per_minute: int = Field(default=60, ge=1)
    """How many keys that open nothing one address may try at one API process, with a hundred at once."""
    allow_http_callbacks: bool = False
    """Whether callback URLs may be http: for development only."""
    url_ports: str | None = None
    """Ports, with commas between, that callback URLs may name beside 80 and 443."""
    url_exceptions: str | None = None
    """Hosts (or host:port), with commas between, that callback URLs may name whatever they are: for development only."""
    own_hosts: str | None = None
    """Host names and addresses of this installation, with commas between: no callback URL may lead to them. Default: that of `api_url`."""

    storage: str | None = None
    """Where files lie: a folder, or `s3://bucket/prefix`. Default: `files` in the data folder."""
    uploads: Path | None = None
    """Folder in which uploaded pictures wait until they are read, best on a disk. Default: `uploads` in the data folder."""
    s3_endpoint: str | None = None
    """Of an S3-compatible store that is not Amazon's."""
    s3_region: str | None = None
    """Default: us-east-1."""
    s3_access_key_id: SecretStr | None = None
    """Needed for `s3://`."""
    s3_secret_access_key: SecretStr | None = None
    """Needed for `s3://`."""

    max_jobs: int = Field(default=100, ge=1, le=10_000)
    """How many jobs one worker process runs at a time, where its kinds take so many."""
    grace_seconds: float = Field(default=30.0, ge=0)
    """How long a worker that was told to stop lets running jobs finish before it hands them back."""
    lease_seconds: float | None = Field(default=None, ge=2)
    """How long a silent worker keeps its jobs. Default: the kind's own, 20."""
    metrics_port: int | None = Field(default=None, ge=1, le=65_535)
    """Where a worker or maintenance shows its Prometheus metrics, on loopback. Default: nowhere; the API has `/metrics` anyway."""

    default_model: str | None = None
    """The model of executions that name none. Default: `offline/extract` in development without a provider's key."""
    anthropic_api_key: SecretStr | None = None
    """For the models of the provider `claude`."""
    openai_api_key: SecretStr | None = None
    """For the models of the provider `openai`."""
    google_api_key: SecretStr | None = None
    """For the models of the provider `gemini`."""

    image_cache_days: int = Field(default=7, ge=1, le=3650)
    """How long a sticker may be given again for the same request."""

    log_format: Literal["text", "json"] = "text"
    """How log lines on standard error look."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least that is logged."""

    @field_validator("*", mode="after")
    @classmethod
    def _is_an_address(cls, value: Any, info: ValidationInfo) -> Any:
        """Raises ConfigurationError, at the first reading: where it is used, a driver's words may hold the password."""
        name = info.field_name or ""
        if name in ADDRESSES and value:
            text = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
            read_address(text, schemes=ADDRESSES[name], what=variable(name))
        elif name.endswith("database_url") and value is not None:
            database_address(value.get_secret_value(), variable(name))
        return value

    def need(self, name: str) -> str:
        """The value of a setting that must be there. Raises ConfigurationError that says how to give it."""
        value = getattr(self, name)
        if value is None:
            raise ConfigurationError(
                f"The setting {name} is missing.",
                hint=f"Set MILEPOST_{name.upper()}, or start a stack here with 'milepost up'.",
            )
        return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


def variable(name: str) -> str:
    """How the environment calls a setting."""
    return f"MILEPOST_{name.upper()}{' (or DATABASE_URL)' if name == 'database_url' else ''}"


def from_environment(**given: Any) -> Settings:
    """Command-line values first, then the environment. Raises ConfigurationError for a value that is none."""
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigurationError(f"A setting is wrong: {where}: {first['msg']}.") from None


def load(**given: Any) -> Settings:
    """The same, then the stack that runs in the data folder."""
    settings = from_environment(**given)
    stack = read_stack(settings.data_dir)
    found = {name: stack[name] for name in FROM_STACK if name in stack and name not in settings.model_fields_set}
    # a server named in the environment is never mixed with the stack's
    if "database_url" in settings.model_fields_set:
        found = {name: value for name, value in found.items() if "database_url" not in name}
    return settings.model_copy(update={name: _typed(name, value) for name, value in found.items()})


def read_stack(data_dir: Path) -> dict[str, Any]:
    """What `milepost up` wrote; empty when no stack was started there."""
    path = data_dir / STACK_FILE
    hint = "Stop the stack and start it again."
    try:
        note = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}.", hint=hint) from None
    if not isinstance(note, dict):
        raise ConfigurationError(f"{path} cannot be read: it is no object.", hint=hint)
    return cast("dict[str, Any]", note)


def _typed(name: str, value: Any) -> Any:
    return value if name == "api_url" else SecretStr(value)
