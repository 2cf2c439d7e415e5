"""Physical bond lengths: a valence force field over a given set of bonds, minimised by L-BFGS.

Stretching and bending as in Keating's model, E = Σ k_b (r - r₀)²/2 + Σ k_a (cos θ - cos θ₀)²/2,
with a restoring force of each carbon towards the plane of its neighbours. The form is that of
Perebeinos and Tersoff, Phys. Rev. B 79, 241409 (2009), 10.1103/PhysRevB.79.241409; the constants
are round numbers of that size, since bond lengths, not energies, are what an image shows. Those
around silicon follow Zhou et al., Phys. Rev. Lett. 109, 206803 (2012),
10.1103/PhysRevLett.109.206803.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.optimize import minimize

from .arrays import Floats, Ints
from .topology import Sheet

STRETCH_eV_A2 = 30.0
BEND_eV = 5.5
FLATTEN_eV_A2 = 4.0
LENGTHS_A = {
    (6, 6): 1.42, (6, 14): 1.76, (14, 14): 2.28, (5, 6): 1.49, (6, 7): 1.40,
    (6, 8): 1.40, (6, 13): 1.80, (6, 15): 1.77, (13, 14): 2.35, (14, 15): 2.25, (7, 14): 1.72,
}  # fmt: skip
FOUR_FOLD_STRETCH = 1.07
"""A planar four-fold silicon keeps longer bonds than a three-fold one (1.88 against 1.76 Å)."""
RIM_A = 2.0


def relax(sheet: Sheet, rng: np.random.Generator) -> Sheet:
    """Minimise the energy of a sheet; atoms within RIM_A of the box's border stay.

    Args:
        sheet: With rough positions.
        rng: Decides on which side of the sheet each impurity buckles.

    Returns:
        The same sheet with relaxed positions.
    """
    field = _Field(sheet)
    start = sheet.positions_A.copy()
    large = sheet.numbers > 8
    start[large, 2] += rng.choice([-0.4, 0.4], int(large.sum()))
    xy = start[:, :2]
    free = ((xy > RIM_A) & (xy < sheet.box_A - RIM_A)).all(axis=1)

    def energy(flat: Floats) -> tuple[float, Floats]:
        moved = start.copy()
        moved[free] = flat.reshape(-1, 3)
        value, gradient = field(moved)
        return value, gradient[free].ravel()

    found = minimize(
        energy, start[free].ravel(), jac=True, method="L-BFGS-B",
        options={"maxiter": 400, "ftol": 1e-9},
    )  # fmt: skip
    relaxed = start.copy()
    relaxed[free] = found.x.reshape(-1, 3)
    return replace(sheet, positions_A=relaxed)


class _Field:
    """Energy and gradient, vectorised over bonds, angles and planes."""

    def __init__(self, sheet: Sheet) -> None:
        self.bonds = np.array(sorted(sheet.bonds))
        z = sheet.numbers
        degree = np.bincount(self.bonds.ravel(), minlength=len(z))
        self.rest = np.array([_rest(int(z[a]), int(z[b]), degree[[a, b]]) for a, b in self.bonds])
        self.stretch = np.full(len(self.bonds), STRETCH_eV_A2)
        soft = np.zeros(len(self.bonds), bool)
        for k, bond in enumerate(map(tuple, self.bonds.tolist())):
            if bond in sheet.weak:
                self.rest[k], stiffness = sheet.weak[bond]
                self.stretch[k] *= stiffness
                soft[k] = True
        around: list[list[int]] = [[] for _ in z]
        for (a, b), is_soft in zip(self.bonds.tolist(), soft, strict=True):
            if not is_soft:
                around[a].append(b)
                around[b].append(a)
        self.angles = np.array(
            [
                (near[m], centre, near[n])
                for centre, near in enumerate(around)
                if len(near) in {2, 3}
                for m in range(len(near))
                for n in range(m)
            ]
        )
        size = z[self.angles[:, 1]]
        self.bend = BEND_eV * np.where(size > 8, 0.25, 1.0)
        self.planes = np.array(
            [(c, *near) for c, near in enumerate(around) if len(near) == 3 and z[c] <= 8]
        )

    def __call__(self, r: Floats) -> tuple[float, Floats]:
        gradient = np.zeros_like(r)
        a, b = self.bonds.T
        along = r[b] - r[a]
        length = np.linalg.norm(along, axis=1)
        excess = length - self.rest
        value = 0.5 * float((self.stretch * excess**2).sum())
        pull = (self.stretch * excess / length)[:, None] * along
        np.add.at(gradient, b, pull)
        np.add.at(gradient, a, -pull)
        return value + self._bending(r, gradient) + self._flattening(r, gradient), gradient

    def _bending(self, r: Floats, gradient: Floats) -> float:
        i, c, j = self.angles.T
        u, v = r[i] - r[c], r[j] - r[c]
        nu, nv = np.linalg.norm(u, axis=1)[:, None], np.linalg.norm(v, axis=1)[:, None]
        u, v = u / nu, v / nv
        cosine = (u * v).sum(axis=1)
        excess = cosine + 0.5
        slope = (self.bend * excess)[:, None]
        on_i = slope * (v - cosine[:, None] * u) / nu
        on_j = slope * (u - cosine[:, None] * v) / nv
        np.add.at(gradient, i, on_i)
        np.add.at(gradient, j, on_j)
        np.add.at(gradient, c, -on_i - on_j)
        return 0.5 * float((self.bend * excess**2).sum())

    def _flattening(self, r: Floats, gradient: Floats) -> float:
        c, *near = self.planes.T
        height = r[c, 2] - sum(r[k, 2] for k in near) / 3
        np.add.at(gradient[:, 2], c, FLATTEN_eV_A2 * height)
        for k in near:
            np.add.at(gradient[:, 2], k, -FLATTEN_eV_A2 * height / 3)
        return 0.5 * FLATTEN_eV_A2 * float((height**2).sum())


def _rest(first: int, second: int, degrees: Ints) -> float:
    length = LENGTHS_A[min(first, second), max(first, second)]
    four_fold = {first, second} == {6, 14} and degrees.max() == 4
    return length * (FOUR_FOLD_STRETCH if four_fold else 1.0)
