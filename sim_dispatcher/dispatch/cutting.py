"""From a ROI in a frame to what its jobs are about: the cut, its variants, a smaller piece."""

from __future__ import annotations

from typing import Final

from shared.errors import AtomLoopError, StructureError
from sim_dispatcher.board import Conduct, Cut, Piece
from sim_dispatcher.selection import Scene, Track
from sim_dispatcher.structure import Cluster, CutRules, build_cluster
from sim_dispatcher.uncertainty import plan_variants

__all__ = ["StaleError", "cut_out", "piece_of"]

SMALL_HEAVY: Final = 24
"""Heavy atoms that a density functional relaxes while the sample is still there."""

SMALL_RADII_A: Final = (6.0, 5.5, 5.0, 4.5, 4.0, 3.6)
"""Radii tried for the small piece, the largest first, Å."""


class StaleError(AtomLoopError):
    """A ROI was to be cut after its frame was forgotten."""

    code = "stale"


def cut_out(track: Track, scene: Scene | None, conduct: Conduct) -> Cut:
    """Cut a ROI out of the frame that it was last seen in.

    Args:
        track: The ROI.
        scene: That frame; None where it is forgotten.
        conduct: Radius and ladder, and what doubtful atoms do.

    Raises:
        StaleError: The frame is forgotten.
        StructureError: What is there cannot be computed, and why.
    """
    last = track.last
    if scene is None:
        raise StaleError(
            f"{track.type} was last seen in frame {last.frame_index}, too long ago.",
            remedy="It is picked again when it comes back into view.",
        )
    atoms, place_A, radius_A = scene.atoms, last.local_A, conduct.radius_A
    rules = CutRules(doubts="note" if conduct.rules.weigh_doubts else "refuse")
    whole = build_cluster(atoms, place_A, radius_A, rules)
    wants_bar = conduct.ladder.error_bar and track.origin != "random"
    return Cut(
        whole=piece_of(whole),
        small=_small(scene, track, rules, conduct.ladder.small_atoms),
        variants=plan_variants(atoms, place_A, radius_A, rules) if wants_bar else (),
        frame=last.frame,
        frame_index=last.frame_index,
        model=last.model,
        atoms=scene.atoms_digest,
    )


def piece_of(cluster: Cluster) -> Piece:
    """Return a cluster as jobs carry it."""
    return Piece(
        structure=cluster.extxyz(),
        charge=cluster.charge,
        unpaired=cluster.unpaired,
        n_heavy=sum(symbol != "H" for symbol in cluster.symbols),
    )


def _small(scene: Scene, track: Track, rules: CutRules, most_atoms: int) -> Piece | None:
    """Return the largest piece about a ROI that a density functional can afford."""
    for radius_A in SMALL_RADII_A:
        try:
            piece = piece_of(build_cluster(scene.atoms, track.last.local_A, radius_A, rules))
        except StructureError:
            return None
        if piece.n_heavy <= SMALL_HEAVY and piece.n_atoms <= most_atoms:
            return piece
    return None
