"""Make everything a fresh machine needs, once, and say what is being done.

Run it as `python3 -m deploy.bootstrap` from the repository root; every `make` target does. It
builds `.venv` from `pyproject.toml` and `constraints.txt`, the dashboard from its sources, and
the detector's compiled loops (the last two not with `--python-only`). Each step is skipped while
its inputs keep their hash. PyTorch is never installed here.

Standard library only, and parseable by older Pythons, so that a wrong one gets a clear line.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from deploy.command import PIP_INSTALL, SetupError, run_command
from deploy.dashboard import build_dashboard
from deploy.kernels import compile_kernels
from deploy.progress import Progress

__all__ = ["main"]

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STATE = ROOT / ".atomloop"
LOG = STATE / "setup.log"
STAMP = VENV / "atomloop-setup.json"
EXTRAS = "edge,files,nion,inference,dispatch,dft,dev"
OLDEST_PYTHON = (3, 11)
SYSTEM_PACKAGES = (
    ("chromium", "chromium"),  # the browser tests
    ("slurm-wlm", "slurmctld"),  # the tests on a real Slurm
    ("munge", "munged"),
)
"""Debian's packages, each with a program that tells whether it is there."""
DISK_GB = 2.0
"""Room that `.venv` and the dashboard's packages need, with pip's temporary files."""


def main() -> int:
    """Set everything up, or find that it is.

    Returns:
        The exit status: 0 when all is in place, 1 with a cause and a remedy otherwise.
    """
    progress = Progress()
    try:
        _check_python()
        STATE.mkdir(exist_ok=True)
        with (STATE / "setup.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # two `make` at once: the second finds all done
            _install_packages(progress)
            if "--python-only" in sys.argv[1:]:
                return 0
            build_dashboard(ROOT, VENV, log=LOG, progress=progress)
            compile_kernels(ROOT, VENV, log=LOG, progress=progress)
            if os.environ.get("SYSTEM_PACKAGES") == "1":
                _install_system_packages(progress)
    except SetupError as error:
        progress.say(f"Set-up failed: {error}\nRemedy: {error.remedy}")
        return 1
    except OSError as error:
        progress.say(
            f"Set-up failed: {error}\nRemedy: mend what it names, then repeat the command."
        )
        return 1
    except KeyboardInterrupt:
        progress.say("Set-up interrupted; the same command goes on from here.")
        return 130
    return 0


def _check_python() -> None:
    """Go on under a fitting Python, or say which one is needed.

    Raises:
        SetupError: No fitting Python is installed.
    """
    if sys.version_info >= OLDEST_PYTHON:
        return
    found = ".".join(map(str, sys.version_info[:3]))
    better = shutil.which("python3.11")
    if better is None:
        raise SetupError(
            f"Python {found} ({sys.executable}) is too old: AtomLoop needs 3.11.",
            "install Python 3.11 (Debian 12: `apt install python3 python3-venv`), "
            "or name it: `make setup PYTHON=…`.",
        )
    os.execv(better, [better, "-m", "deploy.bootstrap", *sys.argv[1:]])


def _install_packages(progress: Progress) -> None:
    digest = _packages_digest()
    if _stamped_digest() == digest:
        return
    _check_disk()
    STAMP.unlink(missing_ok=True)
    python = VENV / "bin" / "python"
    if not python.exists():
        _make_venv(progress)
    progress.begin("Python packages")
    run_command(
        [str(python), *PIP_INSTALL, "-c", str(ROOT / "constraints.txt"), "-e", f"{ROOT}[{EXTRAS}]"],
        log=LOG,
        progress=progress,
        note=_pip_note(),
    )
    STAMP.write_text(json.dumps({"digest": digest}))
    progress.end()


def _packages_digest() -> str:
    """Hash what decides the content of `.venv`: dependencies, lock, extras, Python, place."""
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    parts = (
        project.partition("\n[tool.")[0],  # the tools' settings come last and install nothing
        (ROOT / "constraints.txt").read_text("utf-8"),
        EXTRAS,
        str(ROOT),
    )
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _stamped_digest() -> str | None:
    try:
        stamp: dict[str, str] = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return None
    return stamp.get("digest")


def _check_disk() -> None:
    free_gb = shutil.disk_usage(ROOT).free / 1e9
    if free_gb < DISK_GB:
        raise SetupError(
            f"Only {free_gb:.1f} GB are free where the checkout lies; the set-up needs {DISK_GB}.",
            "free some space, or move the checkout.",
        )


def _make_venv(progress: Progress) -> None:
    """Make `.venv`, with the outer pip where the distribution ships Python without ensurepip."""
    progress.begin("Python environment (.venv)")
    arguments = [sys.executable, "-m", "venv", str(VENV)]
    if importlib.util.find_spec("ensurepip"):
        run_command(arguments, log=LOG, progress=progress)
    elif importlib.util.find_spec("pip"):
        run_command([*arguments, "--without-pip"], log=LOG, progress=progress)
        inner = str(VENV / "bin" / "python")
        run_command(
            [sys.executable, "-m", "pip", "--python", inner, "install", "--no-input", "pip"],
            log=LOG,
            progress=progress,
        )
    else:
        raise SetupError(
            f"{sys.executable} has neither ensurepip nor pip.",
            "install them (Debian: `apt install python3-venv`).",
        )
    progress.end()


def _pip_note() -> Callable[[str], str | None]:
    """Make a function that turns pip's lines into the display's words."""
    total = len((ROOT / "constraints.txt").read_text("utf-8").splitlines())
    seen: set[str] = set()

    def note(line: str) -> str | None:
        words = line.split()
        if line.startswith(("Collecting ", "Requirement already")) and len(words) > 1:
            name = words[1] if words[0] == "Collecting" else words[3]
            seen.add(name)
            return f"{len(seen)} of about {total}: {name}"
        if line.startswith("Installing collected packages:"):
            return f"unpacking {len(words) - 3} packages"
        return None

    return note


def _install_system_packages(progress: Progress) -> None:
    """Install what some tests need of Debian; without it they skip and say so."""
    missing = [package for package, program in SYSTEM_PACKAGES if not _finds(program)]
    if not missing:
        return
    wanted = ", ".join(missing)
    if shutil.which("apt-get") is None:
        progress.say(f"No apt-get here: install {wanted} by hand, or some tests will skip.")
        return
    prefix = [] if os.geteuid() == 0 else ["sudo", "-n"]
    env = {"DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "--no-install-recommends", *missing]
    progress.begin(f"Debian packages: {wanted}")
    try:
        for arguments in (["apt-get", "update"], install):
            run_command([*prefix, *arguments], log=LOG, progress=progress, env=env)
        progress.end()
    except (SetupError, OSError) as error:
        progress.end("not installed, tests that need them will skip")
        progress.say(str(error))


def _finds(program: str) -> bool:
    """Tell whether a program is there; daemons are in folders that a user's PATH leaves out."""
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))
    return shutil.which(program, path=path) is not None


if __name__ == "__main__":
    sys.exit(main())
