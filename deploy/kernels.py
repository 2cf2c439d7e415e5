"""Compile the detector's inner loops once, so that the first frame does not wait for it.

Standard library only: the set-up runs before anything is installed.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from deploy.command import run_command
from deploy.progress import Progress

__all__ = ["compile_kernels"]


def compile_kernels(root: Path, venv: Path, *, log: Path, progress: Progress) -> None:
    """Have numba fill its cache on disk; nothing to do while the detector's sources stay.

    Args:
        root: The repository root.
        venv: The virtual environment.
        log: File for the command's output.
        progress: The display.

    Raises:
        SetupError: The detector does not start.
    """
    stamp = venv / "atomloop-kernels"
    digest = _digest(root / "inference_service" / "detector")
    if stamp.is_file() and stamp.read_text() == digest:
        return
    progress.begin("Compiling the detector's inner loops")
    python = str(venv / "bin" / "python")
    run_command([python, "-m", "inference_service.warm_up"], log=log, progress=progress, cwd=root)
    stamp.write_text(digest)
    progress.end()


def _digest(folder: Path) -> str:
    """Hash the sources: numba compiles a file again when it changes."""
    digest = hashlib.sha256(str(folder).encode())
    for path in sorted(folder.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
