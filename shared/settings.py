"""One typed tree of settings per service: TOML file plus environment, unknown keys refused.

Precedence, highest first: arguments, environment (``ATOMLOOP_EDGE_LINK__ENDPOINT``), the TOML
file, defaults. Built once in the service's ``main`` and passed down.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from shared.errors import ConfigurationError

__all__ = ["LogSettings", "Section", "ServiceSettings", "load_settings"]


class Section(BaseModel):
    """A branch of a settings tree: immutable, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class LogSettings(Section):
    """What is written to standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    json_lines: bool = Field(default=False, description="One JSON object per line.")


class ServiceSettings(BaseSettings):
    """Base of a service's settings tree; subclasses set `env_prefix`."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        env_nested_delimiter="__",
        nested_model_default_partial_update=True,
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let the environment win over the TOML file, which arrives as arguments."""
        del settings_cls, dotenv_settings
        return env_settings, init_settings, file_secret_settings


S = TypeVar("S", bound=ServiceSettings)


def load_settings(cls: type[S], path: Path | None) -> S:
    """Read a service's settings from a TOML file and the environment.

    Args:
        cls: The service's settings class.
        path: The TOML file; None for defaults and environment alone.

    Returns:
        The validated tree.

    Raises:
        ConfigurationError: The file is missing or malformed, or a key is unknown or wrong.
    """
    try:
        values = tomllib.loads(path.read_text("utf-8")) if path else {}
        return cls(**values)
    except FileNotFoundError as error:
        raise ConfigurationError(
            f"Settings file {path} does not exist.",
            remedy="Pass --config with an existing TOML file, or leave it out for the defaults.",
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"Settings file {path} is not valid TOML: {error}.", remedy="Mend the line it names."
        ) from error
    except ValidationError as error:
        command = cls.__module__.split(".", 1)[0].replace("_", "-")
        raise ConfigurationError(
            f"Settings {path or 'from the environment'} are wrong: {_first(error)}",
            remedy=f"See the keys that `{command} config` prints.",
        ) from error


def _first(error: ValidationError) -> str:
    details = error.errors(include_url=False)[0]
    where = ".".join(str(step) for step in details["loc"])
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return f"{where}: {details['msg']}{more}."
