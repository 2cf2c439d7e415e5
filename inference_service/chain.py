"""The chain from detector counts to an energy, each link recomputed where its content is here."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from inference_service.records import AnswerRecord, FrameRecord
from shared.codec import atoms_digest, bytes_digest, frame_name, outputs_digest
from shared.messages import Attachment, Digest, Level, Recipe

__all__ = ["Chain", "ChainLink", "LinkState", "chain_of", "input_file"]

LinkState = Literal["matches", "differs", "not_here", "not_stated"]
"""`matches`, `differs`: recomputed here; `not_here`: its content is not kept by this service;
`not_stated`: the dispatcher named no digest."""

EXTXYZ_NAMES = (".extxyz", ".xyz")


class ChainLink(BaseModel):
    """One link of a provenance chain."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(
        description="`frame`, `model`, `atoms`, `structure`, `inputs`, `outputs`, or `file NAME`."
    )
    what: str = Field(description="In words.")
    digest: Digest | None
    state: LinkState


class Chain(BaseModel):
    """Where a number comes from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    roi: str
    job: str
    recipe: Recipe
    level: Level
    software: str
    settings: str | None
    links: tuple[ChainLink, ...] = Field(description="From detector counts to outputs.")
    intact: bool = Field(description="No link that could be recomputed differs.")


def chain_of(record: AnswerRecord, frame: FrameRecord | None) -> Chain:
    """Return an answer's chain, recomputed as far as its contents are here.

    Args:
        record: The answer with its structure and files.
        frame: The frame its ROI was cut from; None where the ring has forgotten it.
    """
    answer, result = record.answer, record.answer.result
    links = (*_seen(record, frame), *_computed(record), *_files(record))
    return Chain(
        roi=answer.roi,
        job=answer.job,
        recipe=result.recipe,
        level=result.level,
        software=answer.provenance.software,
        settings=answer.provenance.settings,
        links=links,
        intact=all(link.state != "differs" for link in links),
    )


def input_file(record: AnswerRecord) -> str | None:
    """Return the structure the job started from as extended XYZ; None where it is not here."""
    content = _content(record, record.answer.provenance.structure)
    if content is None:
        pairs = zip(record.answer.attachments, record.files or (), strict=False)
        inputs = (c for a, c in pairs if a.role == "input" and a.name.endswith(EXTXYZ_NAMES))
        content = next(inputs, None)
    return None if content is None else content.decode("utf-8", "replace")


def _seen(record: AnswerRecord, frame: FrameRecord | None) -> tuple[ChainLink, ...]:
    said = record.answer.provenance
    analysis = frame.analysis if frame else None
    atoms = atoms_digest(analysis.table) if analysis else None
    return (
        _link(
            "frame", "the image's pixels", said.frame, frame_name(frame.pixels) if frame else None
        ),
        _link(
            "model",
            "the ensemble that looked",
            said.model,
            analysis.header.model if analysis else None,
        ),
        _link("atoms", "the atoms it found", said.atoms, atoms),
    )


def _computed(record: AnswerRecord) -> tuple[ChainLink, ...]:
    said = record.answer.provenance
    found = outputs_digest(record.structure, record.answer.attachments)
    return (
        _link("structure", "the input structure", said.structure, _kept(record, said.structure)),
        _link("inputs", "the signed specification", said.inputs, _kept(record, said.inputs)),
        _link("outputs", "final structure and files", said.outputs, found),
    )


def _files(record: AnswerRecord) -> tuple[ChainLink, ...]:
    if record.files is None:
        return ()
    pairs = zip(record.answer.attachments, record.files, strict=True)
    return tuple(_file(each, content) for each, content in pairs)


def _file(attachment: Attachment, content: bytes) -> ChainLink:
    name = f"file {attachment.name}"
    return _link(name, f"{attachment.role} file", attachment.digest, bytes_digest(content))


def _link(name: str, what: str, said: str | None, found: str | None) -> ChainLink:
    state: LinkState = "matches" if said == found else "differs"
    if found is None:
        state = "not_here"
    if said is None:
        state = "not_stated"
    return ChainLink(name=name, what=what, digest=said, state=state)


def _kept(record: AnswerRecord, digest: str | None) -> str | None:
    """Return the recomputed digest of the file that has it; None where no file does."""
    content = None if digest is None else _content(record, digest)
    return None if content is None else bytes_digest(content)


def _content(record: AnswerRecord, digest: str) -> bytes | None:
    pairs = zip(record.answer.attachments, record.files or (), strict=False)
    return next((content for each, content in pairs if each.digest == digest), None)
