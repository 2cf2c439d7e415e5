"""A service's command line: one module per command, imported when it is called.

`--help` stays quick, and a missing optional package only troubles the command that needs it. A
module offers either a function of its own name or, for sub-commands, a typer application called
`app`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from shared.errors import AtomLoopError, MissingDependencyError

__all__ = ["command_line", "plain_errors"]


def command_line(package: str, commands: Mapping[str, str], about: str) -> typer.Typer:
    """Return the application of a service.

    Args:
        package: Package that holds a module per command.
        commands: One line of help by name, in the order of the help.
        about: What the service is for; shown by `--help`.
    """

    class Commands(TyperGroup):
        """A group whose commands are the modules of one package."""

        def list_commands(self, ctx: Any) -> list[str]:
            """Return the names in the order of the help."""
            del ctx
            return list(commands)

        def get_command(self, ctx: Any, cmd_name: str) -> Any:
            """Return what the list of commands shows; nothing is imported for it."""
            del ctx
            return TyperCommand(cmd_name, help=commands[cmd_name]) if cmd_name in commands else None

        def resolve_command(self, ctx: Any, args: list[str]) -> Any:
            """Import the command that is called."""
            name, _, rest = super().resolve_command(ctx, args)
            return name, _load(package, str(name)), rest

    app = typer.Typer(
        cls=Commands,
        help=about,
        add_completion=False,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback(help=about)(_nothing)
    return app


@contextlib.contextmanager
def plain_errors(program: str) -> Iterator[None]:
    """Turn what an operator can mend into one line on standard error and exit code 1.

    Args:
        program: Name that starts the line.
    """
    try:
        yield
    except AtomLoopError as error:
        typer.echo(f"{program}: {error}", err=True)
        raise typer.Exit(1) from error
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


def _load(package: str, name: str) -> Any:
    module_name = f"{package}.{name.replace('-', '_')}"
    try:
        module = import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith(package.split(".", 1)[0]):
            raise
        trouble = MissingDependencyError(
            f"`{name}` needs the package {error.name}, which is not installed.",
            remedy="Install the extra that brings it; see the README's table of extras.",
        )
        return _refusal(name, trouble)
    if hasattr(module, "app"):
        return typer.main.get_command(module.app)
    single = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    single.command(name)(getattr(module, name.replace("-", "_")))
    return typer.main.get_command(single)


def _refusal(name: str, trouble: MissingDependencyError) -> Any:
    """Return a command that only says what is missing, so that `--help` still lists it."""
    single = typer.Typer(add_completion=False)

    @single.command(
        name, context_settings={"ignore_unknown_options": True, "allow_extra_args": True}
    )
    def refuse() -> None:
        typer.echo(str(trouble), err=True)
        raise typer.Exit(1)

    refuse.__doc__ = f"Not available here: {trouble.message}"
    return typer.main.get_command(single)


def _nothing() -> None:
    """Let typer treat the application as a group."""
