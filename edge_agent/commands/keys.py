"""`edge-agent keys`: this edge's key pair."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shared.command_line import plain_errors
from shared.transport import create_keys

__all__ = ["keys"]


def keys(
    folder: Annotated[Path, typer.Argument(help="Where to put NAME.key and NAME.key_secret.")],
    name: Annotated[str, typer.Option(help="NAME of the key pair.")] = "edge",
) -> None:
    """Make this edge's key pair; the public half goes to the service, the secret one stays.

    There: `inference-service keys authorize FOLDER NAME.key --role edge`.
    """
    with plain_errors("edge-agent"):
        secret = create_keys(folder, name)
    public = secret.with_name(f"{name}.key")
    typer.echo(f"Public key, have the service authorise it for the role edge: {public}")
    typer.echo(f'Settings:\n[link]\nkey_file = "{secret.resolve()}"')
