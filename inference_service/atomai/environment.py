"""AtomAI's own environment: where it lies, and how it comes to be."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from shared.errors import MissingDependencyError

__all__ = ["ROOT", "clean_environment", "python"]

ROOT: Final = Path(__file__).resolve().parents[2]
"""The checkout: the environment lies in it, and its lock."""


def python() -> Path:
    """Return the environment's Python; the first call makes it, which takes a minute or two.

    Raises:
        MissingDependencyError: This is no checkout, or the packages cannot be installed.
    """
    if not (ROOT / "constraints-atomai.txt").exists():
        raise MissingDependencyError(
            "AtomAI's environment is made in a checkout of AtomLoop, and this is none.",
            remedy="Run the command in a checkout; the folder it writes is served anywhere.",
        )
    made = subprocess.run(
        [sys.executable, "-m", "deploy.atomai_environment"],
        cwd=ROOT,
        env=clean_environment(),
        check=False,
    )
    if made.returncode:
        raise MissingDependencyError(
            "AtomAI's environment is not ready.", remedy="Do what is said above, then repeat."
        )
    return ROOT / ".venv-atomai" / "bin" / "python"


def clean_environment() -> dict[str, str]:
    """Return this process's environment without what would mix two Pythons' packages."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
