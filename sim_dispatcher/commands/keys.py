"""`sim-dispatcher keys`: the dispatcher's key pair."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shared.command_line import plain_errors
from shared.transport import create_keys

__all__ = ["keys"]


def keys(
    folder: Annotated[Path, typer.Argument(help="Where to put NAME.key and NAME.key_secret.")],
    name: Annotated[str, typer.Option(help="NAME of the key pair.")] = "dispatcher",
) -> None:
    """Make the key pair; the public half goes to the service, the secret one stays."""
    with plain_errors("sim-dispatcher"):
        secret = create_keys(folder, name)
    typer.echo(f"Secret key, keep it here: {secret}")
    typer.echo(f"Public key, for `inference-service keys authorize`: {folder / name}.key")
