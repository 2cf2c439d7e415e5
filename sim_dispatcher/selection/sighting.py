"""A sighting: one defect in one frame, placed on the sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from shared.messages import Atoms, Defect
from sim_dispatcher.selection.scene import Point, Scene
from sim_dispatcher.selection.shapes import Shape
from sim_dispatcher.structure import certainty

__all__ = ["Sighting", "View", "sighting_at", "sightings"]

_POINTS: Final = {"path_px": None}
_EXTENDED: Final = frozenset({"GB", "edge", "hole"})
"""Classes whose graph goes on beyond the frame, and so changes with every frame."""

_LISTED: Final = 32
"""Atoms of a defect that a message names; more would not fit into its header."""


@dataclass(frozen=True, slots=True)
class View:
    """How the microscope looked, for saying how it should look instead.

    Attributes:
        pixel_A: Edge of a pixel, Å.
        width_A: Of the field of view, Å.
        dose_e_A2: Electrons per Å²; None where the gain is unknown.
    """

    pixel_A: float
    width_A: float
    dose_e_A2: float | None = None


@dataclass(frozen=True, slots=True)
class Sighting:
    """One defect as one frame shows it.

    Attributes:
        defect: As detected, without the path of an extended one.
        frame: Name of the frame.
        frame_index: Its number in the session.
        session: The sitting it belongs to.
        model: Digest of the detector.
        local_A: (x, y) in the frame, Å; x = column.
        sample_A: (x, y) in the session's sample frame, Å, drift taken out.
        view: How the microscope looked.
        doubt: Why the frame as a whole is not to be trusted; None where it is.
        shape: Its bond graph; None where that could not be read.
        blur_A: One-axis standard error of the atoms near it, Å; None = not known.
        element: Of its first atom; None where it has none.
        certainty: How clear the atoms about it are, from 0 (one is as likely there as not) to 1.
    """

    defect: Defect
    frame: str
    frame_index: int
    session: str
    model: str
    local_A: Point
    sample_A: Point
    view: View
    doubt: str | None = None
    shape: Shape | None = None
    blur_A: float | None = None
    element: str | None = None
    certainty: float = 1.0

    @property
    def type(self) -> str:
        """Class of the defect."""
        return self.defect.type


def sightings(scene: Scene) -> list[Sighting]:
    """Place the defects of a frame on the sample.

    Args:
        scene: The frame.

    Returns:
        One sighting per defect, in the same order.
    """
    return [sighting_at(scene, defect) for defect in scene.defects]


def sighting_at(scene: Scene, defect: Defect, roots: tuple[int, ...] = ()) -> Sighting:
    """Place one defect, or what somebody holds for one, on the sample.

    Args:
        scene: The frame.
        defect: What is there.
        roots: Atoms that it is about, where the defect itself names none.
    """
    header = scene.header
    local_A = (defect.x_px * header.pixel_size_A, defect.y_px * header.pixel_size_A)
    atoms = defect.atoms or roots
    named = [index for index in atoms if index < len(scene.atoms)]
    return Sighting(
        defect=defect.model_copy(update={**_POINTS, "atoms": defect.atoms[:_LISTED]}),
        frame=header.frame,
        frame_index=header.frame_index,
        session=header.session,
        model=header.model,
        local_A=local_A,
        sample_A=scene.on_sample(local_A),
        view=_view(header),
        doubt=scene.doubt,
        shape=None if defect.type in _EXTENDED else scene.colouring.shape(named),
        blur_A=scene.blur_A(local_A),
        element=scene.atoms.symbols[named[0]] if named else None,
        certainty=certainty(scene.atoms, local_A),
    )


def _view(header: Atoms) -> View:
    return View(header.pixel_size_A, header.shape[1] * header.pixel_size_A, header.dose_e_A2)
