"""Measure the probe from the frame itself, together with the atoms it images.

In a lattice, a wrong probe hides in the atoms: astigmatism moves the two sublattices apart,
threefold brightens one of them, a missing tail stretches every displacement. So the modes of the
probe and all atoms around are solved for at once: of each mode, what the atoms can imitate is
taken away before its amount is asked for, and the prior of optics decides what then is left open.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference_service.detector.atom_kernels import add_columns, project_columns, spread_columns
from inference_service.detector.block_system import BlockSystem, solve
from inference_service.detector.joint_fit import Fit, Normals, Patches, held, moved
from inference_service.detector.probe import TAIL_WIDTHS, Probe, hermite
from inference_service.detector.probe_modes import (
    ORDER,
    WIDTH_LOOSE,
    Modes,
    core_orders,
    probe_modes,
)
from inference_service.detector.scene import Scene

__all__ = ["ModeSystem", "joint_step", "measure_heavy", "measure_width", "mode_system"]

FloatArray = NDArray[np.float64]
FloatImage = NDArray[np.float32]

PLACES: Final = 16
"""Places within a pixel at which the columns are tabulated."""
REACH: Final = 4.0
"""Half the edge of a column's patch, in widths."""
WIDTH_RANGE_A: Final = (0.22, 0.9)
"""Widths that are believed: FWHM of 0.5 to 2.1 Å."""
WIDTHS: Final = (0.59, 0.70, 0.84, 1.0, 1.19, 1.42, 1.69)
"""Tried to begin with, over the width to begin with."""
MODE_TOLERANCE: Final = 0.02
"""Of the solution of the atoms' answer to each mode."""
OWN_TOLERANCE: Final = 5e-3
"""Of the solution of the atoms' own step."""
LARGEST: Final = 2.0
"""Largest change of a mode in one step, in standard deviations of its prior."""
MAX_HEAVY: Final = 40
"""Heavy atoms looked at, the brightest first."""
HEAVY_REACH: Final = 5.0
"""Half the edge of a heavy atom's patch, in widths."""
HEAVY_LOOSE: Final = (0.15, 0.1, 0.1)
"""Standard deviations of the priors of a heavy atom's differences: width, tails."""


def measure_width(scene: Scene, fit: Fit, probe: Probe, weight: FloatImage) -> Probe:
    """Measure how wide the cores are; the shape is that of the mean probe.

    Args:
        scene: A part of the frame.
        fit: The state there.
        probe: The current estimate.
        weight: (rows, columns) inverse variance.
    """
    reach = int(np.ceil(REACH * probe.scale))
    tables = np.concatenate([tabulated(probe.scale * width, 0, reach) for width in WIDTHS], axis=1)
    cores = np.zeros((len(WIDTHS), *scene.shape), dtype=np.float32)
    add_columns(cores, fit.atoms, tables, np.repeat(np.arange(len(WIDTHS)), 2).reshape(-1, 2))
    root = np.sqrt(weight)
    levels = (scene.background.node_images() * root).reshape(-1, root.size)
    kinds = (cores * root).reshape(len(WIDTHS), -1)
    found = best_width(explained(kinds, levels, (scene.image * root).ravel()))
    low, high = (w / scene.pixel_size_A for w in WIDTH_RANGE_A)
    modes = probe_modes()
    mean = modes.shape(np.zeros(len(modes.directions))).normalised()[0]
    scale = float(np.clip(found * probe.scale, low, high))
    return replace(probe, scale=scale, light=mean, amounts=np.zeros(len(modes.directions)))


def explained(kinds: FloatImage, levels: FloatImage, image: FloatImage) -> FloatArray:
    """Square of what each kind explains of an image once all levels have taken theirs, (k,).

    Args:
        kinds: (k, pixels).
        levels: (m, pixels).
        image: (pixels,).
    """
    gram = (levels @ levels.T).astype(np.float64)
    gram[np.diag_indices(len(gram))] += 1e-5 * gram.trace() / len(gram) + 1e-300
    shared = levels @ kinds.T
    free = np.linalg.solve(gram, np.column_stack([shared, levels @ image]))
    norm = np.einsum("kp,kp->k", kinds, kinds) - np.sum(shared * free[:, :-1], axis=0)
    answer = kinds @ image - shared.T @ free[:, -1]
    return np.asarray(answer * np.abs(answer) / np.maximum(norm, 1e-30))


def best_width(merit: FloatArray) -> float:
    """Width of most merit, between those tried, by a parabola on the logarithm."""
    k = int(np.clip(np.argmax(merit), 1, len(merit) - 2))
    before, at, after = merit[k - 1 : k + 2]
    bend = before - 2 * at + after
    shift = 0.5 * (before - after) / bend if bend < 0 else 0.0
    step = np.log(WIDTHS[1] / WIDTHS[0])
    return float(WIDTHS[k] * np.exp(np.clip(shift, -1.0, 1.0) * step))


@dataclass(frozen=True)
class ModeSystem:
    """How image and atoms answer to the modes at one state, good for states nearby."""

    system: BlockSystem
    """Curvature of the atoms, steps held back."""
    patches: Patches
    left: FloatImage
    """(k, rows, columns) of each mode, what atoms and background cannot imitate."""
    answers: list[tuple[FloatArray, FloatArray]]
    """Of each mode, by how much atoms (n, 3) and nodes imitate it."""
    curvature: FloatArray
    """(k, k) information on the modes, the prior's included."""


def mode_system(
    scene: Scene, fit: Fit, probe: Probe, equations: Normals, damping: float
) -> ModeSystem:
    """Work out how image and atoms answer to the modes.

    Args:
        scene: A part of the frame.
        fit: The state there.
        probe: The current estimate.
        equations: Of the atoms, at this state.
        damping: Of the atoms' moves.
    """
    modes, weight = probe_modes(), equations.images[1]
    origin = np.column_stack([fit.atoms[:, :2] - probe.middle, fit.atoms[:, 2]])
    origin[:, 2] /= modes.shape(probe.amounts).normalised()[1]
    columns = mode_columns(origin, probe.scale, modes, scene.shape)
    system = held(equations.system, fit, probe.s, damping)
    demands = project(columns * weight, equations.patches, scene)
    answers = [solve(system, *pair, MODE_TOLERANCE) for pair in demands]
    withdraw(columns, answers, equations.patches, scene)
    flat = columns.reshape(len(columns), -1)
    curvature = ((flat * weight.ravel()) @ flat.T).astype(np.float64) + np.eye(len(flat))
    return ModeSystem(system, equations.patches, columns, answers, curvature)


def joint_step(
    scene: Scene, fit: Fit, probe: Probe, answer: ModeSystem, equations: Normals
) -> tuple[Probe, Fit]:
    """Take one step of probe and atoms together.

    Args:
        scene: A part of the frame.
        fit: The state there.
        probe: The current estimate.
        answer: To the modes, at this state or one nearby.
        equations: Of the atoms, at this state.

    Returns:
        Probe and state, atoms placed and scaled as the new core demands.
    """
    own = solve(answer.system, equations.gradient, equations.node_gradient, OWN_TOLERANCE)
    residual, weight = equations.images
    rest = residual[None].copy()
    withdraw(rest, [own], answer.patches, scene)
    flat = answer.left.reshape(len(answer.left), -1)
    gradient = (flat @ (rest[0] * weight).ravel()).astype(np.float64) - probe.amounts
    change = np.clip(np.linalg.solve(answer.curvature, gradient), -LARGEST, LARGEST)
    move, lift = (
        o - sum(c * a[i] for c, a in zip(change, answer.answers, strict=True))
        for i, o in enumerate(own)
    )
    return reshaped(probe, probe_modes(), change, moved(fit, move, lift, probe.s))


def withdraw(
    columns: FloatImage,
    answers: list[tuple[FloatArray, FloatArray]],
    patches: Patches,
    scene: Scene,
) -> None:
    """Take from each column, in place, what atoms and background can imitate of it."""
    moves = np.stack([atoms for atoms, _ in answers]).astype(np.float32)

    def piece(first: int, end: int) -> None:
        part = slice(first, end)
        spread_columns(columns[part], patches.bases, patches.jac, moves[part])

    scene.threads.each(piece, len(columns))
    for k, (_, nodes) in enumerate(answers):
        columns[k] -= scene.background.image(nodes)


def reshaped(probe: Probe, modes: Modes, change: FloatArray, fit: Fit) -> tuple[Probe, Fit]:
    """Change the modes of a probe; atoms follow its core and keep their images' brightness."""
    amounts = probe.amounts + change
    scale = probe.scale * (1.0 + WIDTH_LOOSE * amounts[0])
    amounts[0] = 0.0
    shape, peak = modes.shape(amounts).normalised()
    renewed = replace(probe, scale=scale, light=shape, amounts=amounts)
    atoms = fit.atoms.copy()
    atoms[:, :2] += renewed.middle - probe.middle
    atoms[:, 2] *= peak / modes.shape(probe.amounts).normalised()[1]
    return renewed, replace(fit, atoms=atoms)


def mode_columns(
    origin: FloatArray, scale: float, modes: Modes, shape: tuple[int, int]
) -> FloatImage:
    """Image of all atoms for each mode, (modes, rows, columns)."""
    every = columns_of(origin, scale, core_orders(ORDER), shape)
    mixed = modes.directions.astype(np.float32) @ every.reshape(len(every), -1)
    return np.asarray(mixed.reshape(-1, *shape))


def project(
    weighted: FloatImage, patches: Patches, scene: Scene
) -> list[tuple[FloatArray, FloatArray]]:
    """What each column demands of atoms (n, 3) and nodes, as if it were the residual."""
    out = np.empty((len(patches.jac), len(weighted), 3))

    def piece(first: int, end: int) -> None:
        part = slice(first, end)
        project_columns(weighted, patches.bases[part], patches.jac[part], out[part])

    scene.threads.each(piece, len(out))
    nodes = [scene.background.project(column) for column in weighted]
    return [(np.ascontiguousarray(out[:, k]), n) for k, n in enumerate(nodes)]


def columns_of(
    atoms: FloatArray, scale: float, orders: list[tuple[int, int]], shape: tuple[int, int]
) -> FloatImage:
    """One image of all atoms for each pair of functions along x and y."""
    columns = np.zeros((len(orders), *shape), dtype=np.float32)
    tables = tabulated(scale, max(max(pair) for pair in orders), int(np.ceil(REACH * scale)))
    add_columns(columns, atoms, tables, np.array(orders, dtype=np.intp))
    return columns


def tabulated(scale: float, order: int, reach: int) -> FloatImage:
    """Hermite functions at the pixels around an atom, (places, functions, side)."""
    places = (np.arange(PLACES) + 0.5) / PLACES - 0.5
    pixels = np.arange(-reach, reach + 1, dtype=np.float64)
    u = (pixels - places[:, None]).ravel() / scale
    table = hermite(u, order).reshape(-1, PLACES, len(pixels))
    return np.ascontiguousarray(table.transpose(1, 0, 2), dtype=np.float32)


def measure_heavy(fit: Fit, probe: Probe, residual: FloatImage, weight: FloatImage) -> Probe:
    """Measure by how much the heavy atoms' shape differs from the light ones'.

    Args:
        fit: The state.
        probe: The current estimate.
        residual: (rows, columns) measured minus model.
        weight: (rows, columns) inverse variance.
    """
    atoms = fit.atoms[fit.heavy]
    brightest = atoms[np.argsort(atoms[:, 2])[::-1][:MAX_HEAVY]]
    size = 2 + len(HEAVY_LOOSE)
    normal, right = np.zeros((size, size)), np.zeros(size)
    for atom in brightest:
        design, patch, w = heavy_patch(atom, probe, residual, weight)
        normal += (design * w) @ design.T
        right += (design * w) @ patch
    right[2:] -= probe.difference / np.array(HEAVY_LOOSE) ** 2
    normal[np.diag_indices(size)] += 1.0 / np.array([0.5, 0.5, *HEAVY_LOOSE]) ** 2
    change = np.linalg.lstsq(normal, right, rcond=1e-9)[0][2:]
    return replace(probe, difference=probe.difference + change)


def heavy_patch(
    atom: FloatArray, probe: Probe, residual: FloatImage, weight: FloatImage
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Derivatives by brightness, level, width and tails around one atom: (5, m), (m,), (m,)."""
    x, y, a = atom
    reach = HEAVY_REACH * probe.s
    r0, c0 = max(0, int(y - reach)), max(0, int(x - reach))
    part = (slice(r0, max(r0, int(y + reach) + 2)), slice(c0, max(c0, int(x + reach) + 2)))
    patch = residual[part].astype(np.float64)
    dx = (np.arange(c0, c0 + patch.shape[1]) - x) / probe.scale
    dy = (np.arange(r0, r0 + patch.shape[0]) - y) / probe.scale
    middle = probe.light.centre
    squared = (dx + middle[0]) ** 2 + (dy + middle[1])[:, None] ** 2
    kinds = [probe.heavy.values(dx, dy), np.ones_like(patch), squared * np.exp(-0.5 * squared)]
    kinds += [np.exp(-0.5 * squared / width**2) for width in TAIL_WIDTHS]
    design = a * np.stack(kinds).reshape(len(kinds), -1)
    return design, patch.ravel(), weight[part].ravel().astype(np.float64)
