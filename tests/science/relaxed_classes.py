"""Classes and rings of known defects before and after relaxing, as a table; resumable.

    python -m tests.science.relaxed_classes --level gfn2 --out build/science/relaxed_classes.jsonl
    python -m tests.science.relaxed_classes --sigma 0.05 --seed 1 --out …

Rows that are in the file already are not computed again. About ten seconds of processor time per
row at GFN1 and GFN2.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from shared.lattice import classify
from shared.messages import DefectType
from shared.testing.structures import DEFECTS
from sim_dispatcher.levels import choose_level
from sim_dispatcher.recipes import Options, run_recipe
from sim_dispatcher.structure import RADIUS_A, Cluster, DetectedAtoms, build_cluster
from sim_dispatcher.structure.census import heavy_atoms, seen_from_above

NAMES: tuple[DefectType, ...] = (
    *("SW_5577", "V1", "V2_585", "V_555777"),
    *("Si_C3", "Si_C4", "Si_dimer", "Si_trimer"),
)


def classes(cluster: Cluster) -> list[str]:
    """Return the classes a cluster shows, seen from above."""
    heavy = heavy_atoms(cluster.symbols)
    plane = seen_from_above(cluster.positions_A[heavy])
    found = classify(plane, [cluster.symbols[i] for i in heavy], np.ones(len(heavy)))
    return sorted(defect.type for defect in found)


def row(name: DefectType, asked: argparse.Namespace) -> dict[str, object]:
    """Relax one defect."""
    known = DEFECTS[name]().displaced(asked.sigma, asked.seed)
    atoms = DetectedAtoms(known.elements, known.positions_A, known.p)
    start = build_cluster(atoms, known.centre_A, asked.radius)
    options = Options(fmax_eV_A=asked.fmax)
    computed = run_recipe(start, "relax", choose_level(asked.level), options)
    return {
        "name": name,
        "level": asked.level,
        "radius_A": asked.radius,
        "sigma_A": asked.sigma,
        "seed": asked.seed,
        "fmax_eV_A": asked.fmax,
        "atoms": len(start),
        "classes": {"before": classes(start), "after": classes(computed.cluster)},
        "rings": computed.result.rings,
        "formation_eV": computed.result.formation_eV,
        "steps": computed.result.steps,
        "cpu_s": round(computed.result.cpu_s, 1),
    }


def main() -> None:
    """Compute what is missing and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.science.relaxed_classes")
    parser.add_argument("--level", default="gfn1")
    parser.add_argument("--radius", type=float, default=RADIUS_A)
    parser.add_argument("--sigma", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fmax", type=float, default=0.05)
    parser.add_argument("--names", nargs="*", default=NAMES, choices=NAMES)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    lines = asked.out.read_text().splitlines() if asked.out.exists() else []
    settings = {"level": asked.level, "radius_A": asked.radius, "fmax_eV_A": asked.fmax}
    settings |= {"sigma_A": asked.sigma, "seed": asked.seed}
    rows = [json.loads(line) for line in lines]
    known = {r["name"]: r for r in rows if settings.items() <= r.items()}
    for name in asked.names:
        found = known.get(name) or row(name, asked)
        if name not in known:
            with asked.out.open("a") as file:
                file.write(json.dumps(found) + "\n")
        right = found["classes"] == {"before": [name], "after": [name]}
        print(f"{name:10s} {'right' if right else 'CHANGED'} {json.dumps(found)}", flush=True)


if __name__ == "__main__":
    main()
