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

from .families import FAMILIES
from .frame import Setting, expose, write
from .noiseless import STEP_A, Noiseless
from .optics import Optics

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
    from . import wave

    began = time.process_time()
    rng = seeded(family, seed)
    specimen = FAMILIES[family](rng)
    optics = Optics.draw(rng)
    slicing = wave.Slicing()
    atoms = wave.Atoms3D(specimen.box_A, specimen.positions_A, specimen.numbers)
    images = wave.scan(atoms, optics, slicing, rng)
    small = slicing.window_px * wave.SAMPLING_A
    middle = np.full((1, 3), small / 2) * (1, 1, 0)
    alone = wave.scan(wave.Atoms3D(small, middle, np.array([6])), optics, slicing, rng)
    half = round(small / 2 / STEP_A)
    carbon = {k: np.roll(v, (-half, -half), (0, 1)) for k, v in alone.items()}
    told = {"convergence_mrad": optics.convergence_mrad} | {
        f"C{n}{m}": value for (n, m), value in optics.aberrations_A.items()
    }
    made = Noiseless(specimen, images, carbon, told)
    made.save(path)
    print(
        f"{family}-s{seed}: {len(specimen.numbers)} atoms, {time.process_time() - began:.0f} CPU-s",
        flush=True,
    )
    return made


def settings(family: str, seed: int) -> list[Setting]:
    """Each dose once, each pixel size once, shuffled against each other."""
    rng = seeded("settings", family, seed)
    detectors = rng.permutation(["HAADF", "MAADF", "HAADF", "MAADF"])
    return [
        Setting(dose, float(pixel), str(detector), str(dtype))
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
            asked = truth["asked"]
            print(
                f"{name} {setting.detector} {setting.dtype}: {int(asked.sum())} asked,"
                f" {truth['counts_at_carbon']:.2f} counts at C,"
                f" bound {np.nanmedian(truth['bound_pm']):.1f} pm",
                flush=True,
            )


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=["make"])
    parser.add_argument("--out", type=Path, default=Path("build/multislice"))
    parser.add_argument("--family", action="append", choices=list(FAMILIES))
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    make(options.out, options.family or list(FAMILIES), options.seed)


if __name__ == "__main__":
    main()
