"""Make frames by independent wave physics, with their truth: the validation set of the detector.

    .venv-validate/bin/pip install -e .[validate]
    .venv-validate/bin/python -m tests.science.multislice make --out build/multislice
    .venv-validate/bin/python -m tests.science.multislice picture --out build/multislice
    .venv-validate/bin/python -m tests.science.multislice table --out build/multislice
    .venv-validate/bin/python -m tests.science.multislice compare

The detector learns from `inference_service.training`'s simulator, so another must judge it. Nothing
here comes from there: structures are built in `topology`, `boundary`, `surroundings` and `crystals`
and relaxed in `relaxation`; `wave` scans them by multislice on abTEM's Lobato potentials; `frame`
records them (`distortion` moves the beam, `exposure` counts). `compare` sets the scan beside
abTEM's own. What is left out: inelastic losses, chromatic blur, charging, knock-on between lines.

Each specimen is scanned once, without noise, and cached in `noiseless/`; each of its frames takes
another dose, pixel size, detector, number format and distortion. Whatever is there already is kept,
so an interrupted run resumes; names seed everything. For each name,

- `frames/<name>.npz`: `image` (rows, columns) and `pixel_size_A`, as a file's header would say;
- `truth/<name>.npz`: `xy_px` (n, 2) column and row of every atom, `number` (n,), `role` (n,),
  `asked` (n,) atoms of the sheet that nothing hides, 1.5 Å from the border; `displaced_A` (n, 2)
  random displacements, zero where none; `bound_pm` (n,) the Cramér-Rao bound per axis in the
  lattice and `best_xy_px` (n, 2) where the best unbiased estimator puts each atom; `cover` and
  `vacuum` (rows, columns) masks; `pixel_size_A` as it truly is, `dose_e_A2`, `counts_per_carbon`,
  `counts_at_carbon` per pixel, `family`; `defects_json`, a list of {type, x_px, y_px} and
  {type, path_px}; `setting_json`, what else was drawn.

Truth is where atoms appear: stretch, drift, flyback, slips, coma's shift and the mean afterglow
belong to it; line jitter and hum do not. Atoms beside a slip are not asked for.
"""

from __future__ import annotations

import argparse
import time
import zlib
from pathlib import Path

import numpy as np

from .arrays import Arrays
from .crystals import CRYSTALS, FIELD_A
from .families import FAMILIES
from .frame import Setting, expose, write
from .noiseless import Noiseless
from .overview import table

DOSES_e_A2 = (1e5, 4e5, 1.6e6, 6.4e6)
PIXELS_A = (0.08, 0.104, 0.12, 0.16)
DTYPES = ("float32", "uint16", "uint8", "float32")
LYING = "wrongscale"
"""Frames of `silicon` whose headers are wrong."""
FIELDS_A = {"wide": 83.2} | dict.fromkeys(CRYSTALS, FIELD_A)
EVERY = [*FAMILIES, LYING, *CRYSTALS]


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
    field = {"field_A": FIELDS_A[family]} if family in FIELDS_A else {}
    lie = {"header_factor": float(rng.choice([0.72, 1.09, 1.4]))} if family == LYING else {}
    detectors = rng.permutation(["HAADF", "MAADF", "HAADF", "MAADF"])
    return [
        Setting(dose, float(pixel), str(detector), str(dtype), **field, **lie)
        for dose, pixel, detector, dtype in zip(
            DOSES_e_A2, rng.permutation(PIXELS_A), detectors, rng.permutation(DTYPES), strict=True
        )
    ]


def make(folder: Path, families: list[str], seed: int) -> None:
    """Make every frame that is not there yet."""
    for family in families:
        image = noiseless(folder, "silicon" if family == LYING else family, seed)
        for setting in settings(family, seed):
            name = f"{family}-{setting.label()}-s{seed}"
            if (folder / "truth" / f"{name}.npz").exists():
                continue
            header, truth = expose(image, setting, seeded(name))
            write(folder, name, header, truth | {"family": family})
            print(f"{name} {setting.detector} {setting.dtype}: {summary(truth)}", flush=True)


def summary(truth: Arrays) -> str:
    """What a frame asks and how hard it is."""
    asked = np.asarray(truth["asked"])
    if not asked.any():
        return "asks for no atom"
    bound = np.nanmedian(np.asarray(truth["bound_pm"]))
    return f"{asked.sum()} asked, {truth['counts_at_carbon']:.2f} counts at C, bound {bound:.1f} pm"


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("command", choices=["make", "picture", "table", "compare"])
    parser.add_argument("--out", type=Path, default=Path("build/multislice"))
    parser.add_argument("--family", action="append", choices=EVERY)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    families = options.family or EVERY
    if options.command == "make":
        make(options.out, families, options.seed)
    elif options.command == "table":
        print(table(options.out, families))
    elif options.command == "picture":
        from .contact_sheet import draw  # matplotlib

        print(draw(options.out, families))
    else:
        from .abtem_scan import compare  # abTEM

        print(compare())


if __name__ == "__main__":
    main()
