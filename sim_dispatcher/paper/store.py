"""Finished cases in a folder: one JSON and one extended XYZ file each, so that nothing is redone.

A folder belongs to one programme: another preset, level or starting structure is refused, as a
table must not mix them.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import ase.io
import numpy as np
from pydantic import ValidationError

from shared.errors import AtomLoopError, ConfigurationError, StructureError, UnreadableFileError
from shared.messages.base import Part
from shared.messages.simulation import SimulationResult
from sim_dispatcher.paper.programme import Case
from sim_dispatcher.recipes import Computed
from sim_dispatcher.structure import Cluster, parse_cluster
from sim_dispatcher.structure.cluster import Role

__all__ = ["Done", "Failure", "Label", "Store"]

LABEL: Final = "programme.json"

COMPARED: Final = ("preset", "level", "analysis", "patch")

TEXTUAL: Final = ("text/", "chemical/", "application/json")
"""Media types of the files that are kept beside a result: trajectories, series, starts."""


class Label(Part):
    """What a folder's results have in common."""

    preset: str
    level: str
    analysis: str
    """BLAKE3 of the analysis that it all starts from."""
    patch: str
    """BLAKE3 of the starting structure."""
    note: str
    """The starting structure in words; not compared."""


class Failure(Part):
    """Why a case has no result."""

    code: str
    message: str
    remedy: str


class _Record(Part):
    """A case's JSON."""

    case: str
    software: str
    settings: str = ""
    notes: tuple[str, ...] = ()
    result: SimulationResult


@dataclass(frozen=True, eq=False)
class Done:
    """A finished case.

    Attributes:
        result: Numbers, as they travel.
        cluster: The final structure.
        software: Code and version that computed it.
    """

    result: SimulationResult
    cluster: Cluster
    software: str


class Store:
    """The folder of one programme.

    Args:
        folder: Made where it is missing; its parent must exist.
        label: What belongs in here.

    Raises:
        ConfigurationError: It holds another programme's results, or cannot be written to.
    """

    def __init__(self, folder: Path, label: Label) -> None:
        self.folder = folder
        self.label = label
        try:
            folder.mkdir(exist_ok=True)
            self._claim()
        except OSError as error:
            raise ConfigurationError(
                f"The folder {folder} cannot be used: {error.strerror}.",
                remedy="Give --folder a place that exists and that you may write to.",
            ) from error

    def find(self, case: Case) -> Done | None:
        """Return a case's result, or None where there is none yet.

        Raises:
            UnreadableFileError: There is one, but it is damaged.
        """
        path = self._path(case, ".json")
        if not self.has(case):
            return None
        try:
            record = _Record.model_validate_json(path.read_text("utf-8"))
            structure = _structure(self._path(case, ".extxyz").read_text("utf-8"))
        except (OSError, ValidationError, AtomLoopError) as error:
            raise UnreadableFileError(
                f"{path.name} or its structure is damaged ({type(error).__name__}).",
                remedy="Remove both files; the case is then computed again.",
            ) from error
        return Done(record.result, structure, record.software)

    def has(self, case: Case) -> bool:
        """Return whether a case is finished."""
        return self._path(case, ".json").exists()

    def keep(self, case: Case, computed: Computed) -> Done:
        """Write a case's result, structure first: the JSON says that it is whole."""
        record = _Record(
            case=case.name,
            software=computed.software,
            settings=computed.settings,
            notes=computed.cluster.notes,
            result=computed.result,
        )
        for file in computed.files:
            if file.media_type.startswith(TEXTUAL):
                self.write(f"{case.name}.{file.name}", file.content.decode())
        self.write(f"{case.name}.extxyz", computed.cluster.extxyz())
        self.write(f"{case.name}.json", record.model_dump_json(indent=2) + "\n")
        self._path(case, ".failed.json").unlink(missing_ok=True)
        return Done(computed.result, computed.cluster, computed.software)

    def failure(self, case: Case) -> Failure | None:
        """Return why a case has no result, where it was tried."""
        path = self._path(case, ".failed.json")
        try:
            return Failure.model_validate_json(path.read_text("utf-8"))
        except (OSError, ValidationError):
            return None

    def fail(self, case: Case, error: AtomLoopError) -> Failure:
        """Write down why a case has no result; it is tried again next time."""
        failure = Failure(code=error.code, message=error.message, remedy=error.remedy)
        self.write(f"{case.name}.failed.json", failure.model_dump_json(indent=2) + "\n")
        return failure

    def checkpoint(self, case: Case) -> Path:
        """Return where a case keeps unfinished work."""
        return self._path(case, ".checkpoint.npz")

    def write(self, name: str, text: str) -> Path:
        """Write a file at once or not at all."""
        path = self.folder / name
        draft = path.with_name(f".{name}.{os.getpid()}")
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
        return path

    def _path(self, case: Case, ending: str) -> Path:
        return self.folder / f"{case.name}{ending}"

    def _claim(self) -> None:
        """Write the label, or compare with the one that is there."""
        path = self.folder / LABEL
        if not path.exists():
            self.write(LABEL, self.label.model_dump_json(indent=2) + "\n")
            return
        try:
            found = json.loads(path.read_text("utf-8"))
        except ValueError:
            found = None
        difference = _difference(found, self.label.model_dump(mode="json"))
        if difference is not None:
            raise ConfigurationError(
                f"The folder {self.folder} holds another programme: {difference}.",
                remedy="Give --folder another place, or the settings that this one was begun with.",
            )


def _difference(found: object, wanted: Mapping[str, object]) -> str | None:
    if not isinstance(found, dict):
        return f"{LABEL} is damaged"
    for key in COMPARED:
        if found.get(key) != wanted[key]:
            return f"{key} is {found.get(key)!r}, not {wanted[key]!r}"
    return None


def _structure(text: str) -> Cluster:
    """Read a final structure, also one that no calculation would start from.

    At 4000 K atoms part, and an adsorbate may leave: the result is what it is.
    """
    try:
        return parse_cluster(text)
    except StructureError:
        atoms = ase.io.read(io.StringIO(text), format="extxyz")
    edges = np.diag(atoms.cell.array).tolist()
    return Cluster(
        symbols=tuple(atoms.get_chemical_symbols()),
        positions_A=np.asarray(atoms.positions),
        roles=cast("tuple[Role, ...]", tuple(str(role) for role in atoms.get_array("role"))),
        cell_A=(edges[0], edges[1], edges[2]),
        charge=int(atoms.info["charge"]),
        unpaired=int(atoms.info["unpaired"]),
    )
