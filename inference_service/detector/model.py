"""Load an ensemble: verify every member's digest, refuse what is not self-contained.

The manifest names the members and their SHA-256; the ensemble's digest is the SHA-256 of those,
joined by newlines, and must agree with the manifest's own statement. Nothing is executed here.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from inference_service.detector.company import CompanyCalibration
from inference_service.detector.error_calibration import PositionCalibration
from inference_service.detector.normalise import CANONICAL_PIXEL_A
from inference_service.detector.presence import PresenceCalibration
from shared.errors import ModelError
from shared.messages import Digest

__all__ = ["Calibrations", "Manifest", "Model", "load_model"]

MANIFEST: Final = "manifest.json"
MAX_MEMBER_BYTES: Final = 64 * 2**20
"""Largest member read into memory; ours are below 1 MiB."""
EXTERNAL_LOCATION: Final = re.compile(rb"\x0a\x08location\x12")
"""A `StringStringEntryProto` with the key `location`: a tensor whose data lie outside."""
REINSTALL: Final = "Reinstall atomloop, or name another model folder in detector.model_dir."


class Part(BaseModel):
    """A piece of the manifest; fields that serving does not use are left alone."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class MemberEntry(Part):
    """One member of the ensemble."""

    file: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*\.onnx$")]
    """A plain file name in the manifest's own folder."""
    sha256: Digest


class Calibrations(Part):
    """How the members' raw numbers become honest ones; the defaults change nothing."""

    presence: PresenceCalibration = PresenceCalibration()
    """Of the probability that an atom is there."""
    company: CompanyCalibration = CompanyCalibration()
    """What an atom's neighbours add to its probability."""
    position: PositionCalibration = PositionCalibration()
    """Of the errors of both estimates of a position."""


class Manifest(Part):
    """`manifest.json` of a model folder."""

    members: Annotated[tuple[MemberEntry, ...], Field(min_length=1, max_length=200)]
    digest: Digest
    canonical_pixel_A: float | None = None
    """Sampling the members were trained at; None where they say nothing of it."""
    calibration: Calibrations = Calibrations()


@dataclass(frozen=True)
class Model:
    """A verified ensemble, ready for an engine."""

    digest: str
    members: tuple[bytes, ...]
    """One self-contained ONNX file each."""
    calibration: Calibrations
    folder: Path
    """Where it was read from; whoever reads it again verifies it again."""


def load_model(folder: Path) -> Model:
    """Read and verify an ensemble.

    Raises:
        ModelError: A file is missing, altered, too large or refers to data outside itself.
    """
    raw = read_bytes(folder / MANIFEST)
    try:
        manifest = Manifest.model_validate_json(raw)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in problem["loc"])
        raise ModelError(
            f"{folder / MANIFEST} is not a model manifest: {where}: {problem['msg']}.",
            remedy=REINSTALL,
        ) from error
    named = "\n".join(entry.sha256 for entry in manifest.members)
    if hashlib.sha256(named.encode()).hexdigest() != manifest.digest:
        raise ModelError(
            f"{folder / MANIFEST} states a digest that is not that of the members it names.",
            remedy=REINSTALL,
        )
    if manifest.canonical_pixel_A not in (None, CANONICAL_PIXEL_A):
        raise ModelError(
            f"{folder / MANIFEST} names members that look at pixels of "
            f"{manifest.canonical_pixel_A} Å; this version shows them {CANONICAL_PIXEL_A} Å.",
            remedy="Train them again with inference-service train.",
        )
    members = tuple(verified_member(folder, entry) for entry in manifest.members)
    return Model(manifest.digest, members, manifest.calibration, folder)


def verified_member(folder: Path, entry: MemberEntry) -> bytes:
    """Return a member's bytes once its digest agrees and no tensor lies outside."""
    data = read_bytes(folder / entry.file)
    if hashlib.sha256(data).hexdigest() != entry.sha256:
        raise ModelError(
            f"{folder / entry.file} is not the member its manifest names: the digest differs.",
            remedy=REINSTALL,
        )
    if EXTERNAL_LOCATION.search(data):
        raise ModelError(
            f"{folder / entry.file} keeps weights in another file, which nothing verifies.",
            remedy="Export the member as one self-contained ONNX file.",
        )
    return data


def read_bytes(path: Path) -> bytes:
    """Read a file of the model folder, bounded."""
    try:
        if path.stat().st_size > MAX_MEMBER_BYTES:
            raise ModelError(
                f"{path} is larger than {MAX_MEMBER_BYTES // 2**20} MiB.", remedy=REINSTALL
            )
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}.", remedy=REINSTALL) from error
