"""Make `.venv-atomai`, AtomAI's own environment, when it is first needed.

Run as `python -m deploy.atomai_environment` from the repository root; `import-atomai`,
`train-atomai` and `make bench` do. The packages are exactly those of `constraints-atomai.txt`,
installed without the resolver, PyTorch and what it needs excepted: on an index that has only CUDA
builds of PyTorch those bring their libraries along.

Standard library only; another environment's pip installs into this one, so that a Python without
ensurepip suffices.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import sys
from pathlib import Path

from deploy.command import SetupError, run_command
from deploy.progress import Progress

__all__ = ["main", "make_environment"]

ROOT = Path(__file__).resolve().parent.parent
DISK_GB = 3.0
"""Room that the environment needs, with pip's temporary files; it ends at 1.4 GB."""


def main() -> int:
    """Make the environment, or find that it is made.

    Returns:
        The exit status: 0 when it is in place, 1 with a cause and a remedy otherwise.
    """
    progress = Progress()
    try:
        make_environment(ROOT, progress)
    except SetupError as error:
        progress.say(f"AtomAI's environment could not be made: {error}\nRemedy: {error.remedy}")
        return 1
    except OSError as error:
        progress.say(f"AtomAI's environment could not be made: {error}")
        return 1
    return 0


def make_environment(root: Path, progress: Progress) -> None:
    """Make `.venv-atomai` below `root`, unless it is what `constraints-atomai.txt` asks for.

    Raises:
        SetupError: A package could not be installed, or the disk is too full.
    """
    lock, folder, state = root / "constraints-atomai.txt", root / ".venv-atomai", root / ".atomloop"
    digest = hashlib.sha256(lock.read_bytes() + str(root).encode()).hexdigest()
    stamp = folder / "atomloop-setup.json"
    state.mkdir(exist_ok=True)
    with (state / "setup-atomai.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)  # two at once: the second finds all done
        if _stamped_digest(stamp) == digest:
            return
        _check_disk(root)
        _install(lock, folder, state / "setup-atomai.log", progress)
        stamp.write_text(json.dumps({"digest": digest}))


def _install(lock: Path, folder: Path, log: Path, progress: Progress) -> None:
    """Make the environment anew and install what the lock lists."""
    python = folder / "bin" / "python"
    progress.begin("AtomAI's environment (.venv-atomai, 1.4 GB)")
    run_command(
        [sys.executable, "-m", "venv", "--clear", "--without-pip", str(folder)],
        log=log,
        progress=progress,
    )
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-input"]
    quiet = ["--no-compile", "--progress-bar=off"]
    for what in (["-c", str(lock), "torch"], ["--no-deps", "-r", str(lock)]):
        run_command([*pip, *quiet, *what], log=log, progress=progress, note=_note)
    progress.end()


def _note(line: str) -> str | None:
    """Turn pip's lines into the display's words."""
    words = line.split()
    return f"fetching {words[1]}" if line.startswith("Collecting ") and len(words) > 1 else None


def _stamped_digest(stamp: Path) -> str | None:
    try:
        content: dict[str, str] = json.loads(stamp.read_text())
    except (OSError, ValueError):
        return None
    return content.get("digest")


def _check_disk(root: Path) -> None:
    free_gb = shutil.disk_usage(root).free / 1e9
    if free_gb < DISK_GB:
        raise SetupError(
            f"Only {free_gb:.1f} GB are free where the checkout lies; it needs {DISK_GB}.",
            "free some space, or move the checkout.",
        )


if __name__ == "__main__":
    sys.exit(main())
