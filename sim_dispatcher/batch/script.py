r"""The job script: FireWorks' template for it, and a check of what FireWorks made of it.

FireWorks fills its templates with values out of the database, line breaks included. So before a
script reaches `sbatch`, every line of it must be a line of the template with values of their types.

Standard library only: `submit` runs it once per job, and must start in a blink.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

__all__ = ["TEMPLATE", "ScriptError", "Submission", "read_script"]

NAME: Final = r"[A-Za-z][A-Za-z0-9_-]{0,31}"
KEY: Final = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
PATH: Final = r"/[A-Za-z0-9/._+@=-]*"
WORD: Final = r"[A-Za-z0-9/._+@=:-]+"

_LINES: Final = (
    ("#!/bin/sh", None),
    ("#SBATCH --job-name={job_name}", KEY),
    ("#SBATCH --partition={queue}", NAME),
    ("#SBATCH --time={walltime}", r"[0-9]{1,3}:[0-5][0-9]:[0-5][0-9]"),
    ("#SBATCH --nodes=1", None),
    ("#SBATCH --ntasks=1", None),
    ("#SBATCH --cpus-per-task={cpus_per_task}", r"[1-9][0-9]{0,3}"),
    ("#SBATCH --mem={mem}", r"[1-9][0-9]{0,7}M"),
    ("#SBATCH --account={account}", NAME),
    ("#SBATCH --qos={qos}", NAME),
    ("#SBATCH --constraint={constraint}", NAME),
    ("#SBATCH --signal=B:USR1@{warning}", r"[0-9]{2,4}"),
    ("#SBATCH --requeue", None),
    ("#SBATCH --open-mode=append", None),
    ("#SBATCH --dependency=singleton", None),
    ("#SBATCH --output={job_name}.out", KEY),
    ("cd {launch_dir}", PATH),
    ("exec {rocket_launch}", rf"{PATH}(?: {WORD})*"),
)
"""Lines of the script, and what the value in each may be. Those without their value are left out.

`singleton` has jobs of one name run one after the other; `exec` makes the launcher the process that
Slurm's warning (`B:`) goes to; a requeued job goes on writing to the same output.
"""

TEMPLATE: Final = "".join(f"{line}\n" for line, _ in _LINES).replace("{", "$${")
"""The script as FireWorks' `CommonAdapter` reads it."""

_OPTIONAL: Final = ("--account", "--qos", "--constraint")

MAX_BYTES: Final = 8192


class ScriptError(Exception):
    """A script that is not made of the template's lines."""


@dataclass(frozen=True)
class Submission:
    """What a checked script stands for.

    Attributes:
        name: The job's name, which is its key in the ledger.
        folder: Where it was made, and where it runs.
    """

    name: str
    folder: str


def read_script(text: str) -> Submission:
    """Check a script line by line.

    Args:
        text: The script that FireWorks wrote.

    Returns:
        What it stands for.

    Raises:
        ScriptError: A line is not one of the template's with values of their types.
    """
    lines = text.removesuffix("\n").split("\n")
    if len(text) > MAX_BYTES:
        raise ScriptError("it is too long")
    found: dict[str, str] = {}
    for pattern, optional in _patterns():
        match = re.fullmatch(pattern, lines[0]) if lines else None
        if match is None and optional:
            continue
        if match is None:
            raise ScriptError(f"line {lines[0][:80]!r} is not allowed" if lines else "it is cut")
        _take(found, match.groupdict())
        del lines[0]
    if lines:
        raise ScriptError(f"line {lines[0][:80]!r} is not allowed")
    return Submission(found["job_name"], found["launch_dir"])


def _take(found: dict[str, str], values: dict[str, str]) -> None:
    for name, value in values.items():
        if found.setdefault(name, value) != value:
            raise ScriptError(f"it has two values for {name}")


def _patterns() -> list[tuple[str, bool]]:
    patterns = []
    for line, value in _LINES:
        before, brace, rest = line.partition("{")
        name, _, after = rest.partition("}")
        middle = f"(?P<{name}>{value})" if brace else ""
        pattern = re.escape(before) + middle + re.escape(after)
        patterns.append((pattern, any(option in line for option in _OPTIONAL)))
    return patterns
