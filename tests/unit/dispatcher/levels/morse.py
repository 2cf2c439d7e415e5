"""A program that stands in for one of chemistry: reads its input files, writes its output files.

The energy is Morse's over all pairs, so that forces, order and place can be checked. Called as
`morse.py vasp` or `morse.py dftb`, in the folder of the files.
"""

from __future__ import annotations

import itertools
import math
import sys
from pathlib import Path

DEPTH_EV, STIFF_1_A, LENGTH_A = 2.0, 1.6, 1.5
BOHR_A, HARTREE_EV = 0.529177210903, 27.211386245988

VASPRUN = """<?xml version="1.0" encoding="ISO-8859-1"?>
<modeling>
 <generator><i name="program" type="string">vasp</i></generator>
 <kpoints><varray name="kpointlist"><v>0 0 0</v></varray>
  <varray name="weights"><v>1.0</v></varray></kpoints>
 <parameters><separator name="electronic"><i type="int" name="NELM">60</i></separator></parameters>
 <atominfo><atoms>{n}</atoms><array name="atoms"><set>
{atoms}
 </set></array></atominfo>
 <structure name="initialpos"><crystal><varray name="basis">{basis}</varray></crystal>
  <varray name="positions">{places}</varray></structure>
 <calculation>
{cycles}
  <structure><crystal><varray name="basis">{basis}</varray></crystal>
   <varray name="positions">{places}</varray></structure>
  <varray name="forces">{forces}</varray>
  <energy>{energies}</energy>
 </calculation>
</modeling>
"""


Vectors = list[list[float]]


def morse(places: Vectors) -> tuple[float, Vectors]:
    """Return energy (eV) and forces (eV/Å)."""
    energy = 0.0
    forces = [[0.0, 0.0, 0.0] for _ in places]
    for one, other in itertools.combinations(range(len(places)), 2):
        apart = [a - b for a, b in zip(places[one], places[other], strict=True)]
        far = math.hypot(*apart)
        decay = math.exp(-STIFF_1_A * (far - LENGTH_A))
        energy += DEPTH_EV * ((1 - decay) ** 2 - 1)
        slope = 2 * DEPTH_EV * STIFF_1_A * (1 - decay) * decay / far
        for axis in range(3):
            forces[one][axis] -= slope * apart[axis]
            forces[other][axis] += slope * apart[axis]
    return energy, forces


def rows(values: Vectors) -> str:
    return "".join(f"<v>{' '.join(f'{x:.12f}' for x in row)}</v>" for row in values)


def numbers(lines: list[str], first: int) -> Vectors:
    return [[float(word) for word in line.split()[first : first + 3]] for line in lines]


def vasp() -> None:
    lines = Path("POSCAR").read_text().splitlines()
    cell = numbers(lines[2:5], 0)
    elements, counts = lines[5].split(), [int(word) for word in lines[6].split()]
    symbols = [e for e, n in zip(elements, counts, strict=True) for _ in range(n)]
    assert lines[7] == "Cartesian"
    assert [e for e in elements if f"PAW_PBE {e}" in Path("POTCAR").read_text()] == elements
    incar = dict(line.split(" = ", 1) for line in Path("INCAR").read_text().splitlines())
    places = numbers(lines[8 : 8 + sum(counts)], 0)
    edges = [cell[axis][axis] for axis in range(3)]
    energy, forces = morse(places)
    names = ("e_fr_energy", "e_wo_entrp", "e_0_energy")
    energies = "".join(f'<i name="{name}">{energy:.10f}</i>' for name in names)
    cycles = min(10, int(incar.get("NELM", 60)))
    text = VASPRUN.format(
        n=len(symbols),
        atoms="\n".join(f"<rc><c>{e}</c><c>{elements.index(e) + 1}</c></rc>" for e in symbols),
        basis=rows(cell),
        places=rows([[x / edge for x, edge in zip(p, edges, strict=True)] for p in places]),
        forces=rows(forces),
        energies=energies,
        cycles=f"<scstep><energy>{energies}</energy></scstep>" * cycles,
    )
    most = incar.get("NELM", "60")
    Path("vasprun.xml").write_text(text.replace('"NELM">60<', f'"NELM">{most}<'))


def dftb() -> None:
    assert '<<< "geometry.gen"' in Path("dftb_in.hsd").read_text()
    if "MaxSCCIterations = 2\n" in Path("dftb_in.hsd").read_text():
        print("SCC is NOT converged, maximal SCC iterations exceeded")
        sys.exit(1)
    first, _, *lines = Path("geometry.gen").read_text().splitlines()
    count = int(first.split()[0])
    energy, forces = morse(numbers(lines[:count], 2))
    unit = HARTREE_EV / BOHR_A
    slopes = "\n".join(" ".join(f"{x / unit: .14E}" for x in row) for row in forces)
    Path("results.tag").write_text(
        f"mermin_energy       :real:0:\n {energy / HARTREE_EV: .14E}\n"
        f"forces              :real:2:3,{count}\n {slopes}\n"
    )


if __name__ == "__main__":
    {"vasp": vasp, "dftb": dftb}[sys.argv[1]]()
