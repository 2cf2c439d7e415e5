"""Atoms and defects of one frame to payload and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgpack
import numpy as np
from pydantic import TypeAdapter, ValidationError

from shared.codec.envelope import Buffer
from shared.errors import RemoteProtocolError
from shared.messages import ATOM, Atoms, AtomTable, Defect

__all__ = ["decode_atoms", "encode_atoms"]

_DEFECTS: Final = TypeAdapter(tuple[Defect, ...])
_MAX_ATOMS: Final = 1_000_000


def encode_atoms(table: AtomTable, defects: Sequence[Defect]) -> tuple[bytes, bytes]:
    """Return the payload of an atoms message: records of `ATOM`, then the defects."""
    rows = [defect.model_dump(mode="json") for defect in defects]
    return np.ascontiguousarray(table, ATOM).tobytes(), msgpack.packb(rows)


def decode_atoms(atoms: Atoms, payload: Sequence[Buffer]) -> tuple[AtomTable, tuple[Defect, ...]]:
    """Return (table, defects) of an atoms message.

    Raises:
        RemoteProtocolError: Sizes or fields do not agree with the header.
    """
    if len(payload) != 2 or len(payload[0]) != atoms.n_atoms * ATOM.itemsize:
        raise _malformed(f"{atoms.n_atoms} atoms announced, another number carried")
    if atoms.n_atoms > _MAX_ATOMS:
        raise _malformed(f"{atoms.n_atoms} atoms in one frame")
    table = np.frombuffer(payload[0], ATOM)
    try:
        defects = _DEFECTS.validate_python(msgpack.unpackb(payload[1]))
    except (ValidationError, ValueError, msgpack.UnpackException) as error:
        raise _malformed("defects that cannot be read") from error
    if any(index >= atoms.n_atoms for defect in defects for index in defect.atoms):
        raise _malformed("a defect that names an atom which is not there")
    return table, defects


def _malformed(what: str) -> RemoteProtocolError:
    return RemoteProtocolError(
        f"Malformed atoms message: {what}.", remedy="Run the same AtomLoop version on both sides."
    )
