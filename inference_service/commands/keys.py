"""`inference-service keys`: the service's key pair and who may dial."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated, Literal

import typer

from shared.command_line import plain_errors
from shared.transport import create_keys, load_public_key

__all__ = ["app"]

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Make the service's key pair, and authorise edges and dispatchers.",
)

Folder = Annotated[Path, typer.Argument(help="Folder of the service's keys.")]


@app.command()
def make(
    folder: Folder, name: Annotated[str, typer.Option(help="NAME of the key pair.")] = "inference"
) -> None:
    """Make NAME.key and NAME.key_secret, and the folders of authorised keys."""
    with plain_errors("inference-service"):
        secret = create_keys(folder, name)
    authorized = folder / "authorized"
    for role in ("edge", "dispatcher"):
        (authorized / role).mkdir(parents=True, exist_ok=True)
    typer.echo(f"Public key, pin it on every edge and dispatcher: {folder / name}.key")
    typer.echo("Settings:\n[link]")
    typer.echo(f'key_file = "{secret.resolve()}"\nauthorized_dir = "{authorized.resolve()}"')


@app.command()
def authorize(
    folder: Folder,
    key: Annotated[Path, typer.Argument(help="Public key of the dialler, NAME.key.")],
    role: Annotated[Literal["edge", "dispatcher"], typer.Option(help="What it may do.")],
) -> None:
    """Let a key dial in; a running service notices at once."""
    with plain_errors("inference-service"):
        load_public_key(key)
        target = folder / "authorized" / role / f"{key.stem}.key"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(key, target)
    typer.echo(f"{key.stem} may dial in as {role}; delete {target} to revoke it.")
