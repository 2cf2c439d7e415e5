"""Make frames by independent wave physics, with their truth: the validation set of the detector.

    .venv-validate/bin/pip install -e .[validate]
    .venv-validate/bin/python -m tests.science.multislice make --out build/multislice

(work in progress)
"""

from __future__ import annotations

import argparse
import time
import zlib
from pathlib import Path

import numpy as np

from .crystals import CRYSTALS, FIELD_A
from .families import FAMILIES
from .frame import Setting, expose, write
from .noiseless import Noiseless

DOSES_e_A2 = (1e5, 4e5, 1.6e6, 6.4e6)
PIXELS_A = (0.08, 0.104, 0.12, 0.16)
DTYPES = ("float32", "uint16", "uint8", "float32")


def seeded(*names: object) -> np.random.Generator:
    """A generator that depends on names alone."""
    return np.random.default_rng(zlib.crc32("/".join(map(str, names)).encode()))


def noiseless(folder: Path, family: str, seed: int) -> Noiseless:
    """Simulate a specimen, or read it where that was done before."""
    path = folder / "noiseless" / f"{family}-s{seed}.npz"
    if path.exists():
        return Noiseless.load(path)
    from .simulation import simulate  # needs abTEM, which exposures do without

    began = time.process_time()
    made = simulate(family, seeded(family, seed))
    made.save(path)
    atoms, spent = len(made.specimen.numbers), time.process_time() - began
    print(f"{family}-s{seed}: {atoms} atoms, {spent:.0f} CPU-s", flush=True)
    return made


def settings(family: str, seed: int) -> list[Setting]:
    """Each dose once, each pixel size once, shuffled against each other."""
    rng = seeded("settings", family, seed)
    field = {"field_A": FIELD_A} if family in CRYSTALS else {}
    detectors = rng.permutation(["HAADF", "MAADF", "HAADF", "MAADF"])
    return [
        Setting(dose, float(pixel), str(detector), str(dtype), **field)
        for dose, pixel, detector, dtype in zip(
            DOSES_e_A2, rng.permutation(PIXELS_A), detectors, rng.permutation(DTYPES), strict=True
        )
    ]


def make(folder: Path, families: list[str], seed: int) -> None:
    """Make every frame that is not there yet."""
    for family in families:
        image = noiseless(folder, family, seed)
        for setting in settings(family, seed):
            name = f"{family}-{setting.label()}-s{seed}"
            if (folder / "truth" / f"{name}.npz").exists():
                continue
            header, truth = expose(image, setting, seeded(name))
            write(folder, name, header, truth | {"family": family})
            print(f"{name} {setting.detector} {setting.dtype}: {summary(truth)}", flush=True)


def summary(truth: dict[str, object]) -> str:
    """What a frame asks and how hard it is."""
    asked = np.asarray(truth["asked"])
    if not asked.any():
        return "asks for no atom"
    bound = np.nanmedian(np.asarray(truth["bound_pm"]))
    return f"{asked.sum()} asked, {truth['counts_at_carbon']:.2f} counts at C, bound {bound:.1f} pm"


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=["make"])
    parser.add_argument("--out", type=Path, default=Path("build/multislice"))
    parser.add_argument("--family", action="append", choices=[*FAMILIES, *CRYSTALS])
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    make(options.out, options.family or [*FAMILIES, *CRYSTALS], options.seed)


if __name__ == "__main__":
    main()
