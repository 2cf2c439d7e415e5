"""Command line of `sim-dispatcher`: one module of `sim_dispatcher.commands` per command.

A command's module is imported when the command is called, so that `--help` stays quick and a
missing optional package only troubles the command that needs it. A module offers either a
function of its own name or, for sub-commands, a typer application called `app`.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

import typer
from typer.core import TyperGroup

__all__ = ["COMMANDS", "app"]

COMMANDS: Final = ("run", "compute", "launch", "database", "doctor", "config", "keys")
"""Commands in the order of the help; those whose module is not part of the build are left out."""

PACKAGE: Final = "sim_dispatcher.commands"


class CommandModules(TyperGroup):
    """A group whose commands are the modules of one package."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of the commands that exist."""
        del ctx
        return [name for name in COMMANDS if find_spec(f"{PACKAGE}.{name}")]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import one command; None where there is no such command."""
        if cmd_name not in self.list_commands(ctx):
            return None
        module = import_module(f"{PACKAGE}.{cmd_name}")
        if hasattr(module, "app"):
            return typer.main.get_command(module.app)
        single = typer.Typer(add_completion=False)
        single.command(cmd_name)(getattr(module, cmd_name))
        return typer.main.get_command(single)


app = typer.Typer(cls=CommandModules, add_completion=False, no_args_is_help=True)


@app.callback()
def main() -> None:
    """Compute the defects that a microscope shows, while it shows them."""
