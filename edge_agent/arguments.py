"""Arguments of the command line over settings from file and environment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeVar

import typer
from pydantic import BaseModel, ValidationError

from edge_agent.settings import EdgeSettings
from shared.errors import ConfigurationError

__all__ = ["Config", "Endpoint", "KeyFile", "ServerKey", "override", "with_link"]

Config = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="TOML file; see what `edge-agent config` prints."),
]
Endpoint = Annotated[
    str | None,
    typer.Option(help="Frame link of the inference service, tcp://HOST:PORT.", metavar="URL"),
]
ServerKey = Annotated[
    Path | None, typer.Option(help="File with the service's public key (NAME.key).")
]
KeyFile = Annotated[
    Path | None, typer.Option(help="This edge's secret key (NAME.key_secret), mode 0600.")
]

S = TypeVar("S", bound=BaseModel)


def with_link(
    settings: EdgeSettings, endpoint: str | None, server_key: Path | None, key_file: Path | None
) -> EdgeSettings:
    """Return the settings with what was said of the link."""
    link = override(settings.link, endpoint=endpoint, server_key=server_key, key_file=key_file)
    return settings.model_copy(update={"link": link})


def override(section: S, **given: object) -> S:
    """Return a section with arguments put over it; None means not given.

    Raises:
        ConfigurationError: An argument is outside what the setting takes.
    """
    wanted = {key: value for key, value in given.items() if value is not None}
    try:
        return type(section).model_validate(section.model_dump() | wanted)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ConfigurationError(
            f"--{str(first['loc'][0]).replace('_', '-')}: {first['msg']}.",
            remedy="See --help for what it takes.",
        ) from error
