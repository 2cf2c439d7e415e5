"""`sbatch` as it behaves on a bad day: submits, and does not say so; or says so, and does not.

Draws what it does from the job's name and how often it was called for it. Found as `sbatch` on the
feed's PATH; `REAL_SBATCH` names Slurm's own, `SBATCH_LOG` takes one line per call.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

TROUBLE = ("lost", "killed", "unsent", "feed killed")
MODES = (*TROUBLE, "answered")


def mode_of(name: str, calls: int) -> str:
    """Return what this call does; the first one of each job always makes trouble."""
    dice = random.Random(f"{name}/{calls}")
    return dice.choice(MODES if calls else TROUBLE)


def main() -> int:
    """Submit, or not, and answer, or not."""
    script, log = Path(sys.argv[-1]), Path(os.environ["SBATCH_LOG"])
    marker = "#SBATCH --job-name="
    name = next(line for line in script.read_text().splitlines() if line.startswith(marker))
    name = name.removeprefix(marker)
    said = log.read_text().splitlines() if log.exists() else []
    mode = mode_of(name, sum(line.split("|")[0] == name for line in said))
    number = ""
    if mode != "unsent":
        real = [os.environ["REAL_SBATCH"], *sys.argv[1:]]
        number = subprocess.run(real, check=True, capture_output=True, text=True).stdout.strip()
    with log.open("a") as file:
        file.write(f"{name}|{mode}|{number}\n")
    if mode == "answered":
        sys.stdout.write(f"{number}\n")
        return 0
    if mode == "feed killed":
        os.kill(os.getppid(), signal.SIGKILL)
    if mode == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    sys.stderr.write("sbatch: error: Batch job submission failed: Socket timed out\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
