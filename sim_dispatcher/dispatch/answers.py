"""Answers: a finished job with its provenance, its files, its error bar and its rung's trust."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from shared.codec import Envelope, bytes_digest, encode, outputs_digest, text_digest
from shared.errors import LocalProtocolError, StructureError, UnreadableFileError
from shared.messages import Answer, Attachment, Disagreement, Provenance, SimulationResult
from sim_dispatcher.ledger import JobFile, JobRecord
from sim_dispatcher.structure import parse_cluster
from sim_dispatcher.uncertainty import disagreement, merge

__all__ = ["MOST_BYTES", "answer_of", "trust_between"]

MOST_FILES: Final = 7
"""Attachments beside the final structure: a message has eight payloads at most."""

MOST_BYTES: Final = 16 << 20
"""Bytes of attachments in one answer: a quarter of the outbox, so that others get through."""


@dataclass(frozen=True, slots=True)
class _File:
    name: str
    media_type: str
    role: Literal["input", "output", "picture"]
    content: bytes

    @property
    def attachment(self) -> Attachment:
        return Attachment(
            name=self.name,
            media_type=self.media_type,
            nbytes=len(self.content),
            digest=bytes_digest(self.content),
            role=self.role,
        )


def answer_of(
    record: JobRecord,
    bar: JobRecord | None = None,
    trust: Disagreement | None = None,
    most_bytes: int = MOST_BYTES,
) -> tuple[Answer, tuple[bytes, ...]]:
    """Return the answer of a finished job, and its payload.

    Args:
        record: The job.
        bar: The finished job that brings its error bar, once there is one.
        trust: What the level below says differently, once both have answered.
        most_bytes: What its files may take; those beyond are left out, and the answer says so.

    Raises:
        ValueError: The job has no result.
    """
    if record.result is None:
        raise ValueError(f"job {record.key} has no result")
    structure = record.structure or record.spec.structure
    files, left_out = _fitting(_files(record, bar), most_bytes)
    result = _with_bar(record.result, bar, trust)
    while True:
        answer = _assembled(record, result, structure, files, left_out, trust)
        if not files or _fits(answer):
            return answer, (structure.encode(), *(file.content for file in files))
        left_out = [*left_out, files[-1].name]
        files = files[:-1]


def trust_between(upper: JobRecord, lower: JobRecord) -> Disagreement | None:
    """Return what two finished jobs on the same atoms say differently.

    Returns:
        None where they cannot be compared.
    """
    if upper.result is None or lower.result is None:
        return None
    if upper.structure is None or lower.structure is None:
        return None
    try:
        ends = parse_cluster(upper.structure), parse_cluster(lower.structure)
        return disagreement(upper.result, lower.result, *ends)
    except (StructureError, UnreadableFileError):
        return None


def _with_bar(
    result: SimulationResult, bar: JobRecord | None, trust: Disagreement | None
) -> SimulationResult:
    """Return a result with the parts of its error bar, the levels' disagreement among them."""
    if bar is None or bar.result is None or bar.result.uncertainty is None:
        return result
    levels_eV = None if trust is None else trust.formation_eV
    parts = merge(bar.result.uncertainty, levels_eV)
    return result.model_copy(update={"uncertainty": parts})


def _assembled(
    record: JobRecord,
    result: SimulationResult,
    structure: str,
    files: Sequence[_File],
    left_out: Sequence[str],
    trust: Disagreement | None,
) -> Answer:
    attachments = tuple(file.attachment for file in files)
    spec = record.spec
    missing = f"too large to be sent: {', '.join(left_out)}; they stay in the ledger."
    return Answer(
        roi=spec.roi,
        job=record.key,
        result=result,
        provenance=Provenance(
            frame=spec.frame,
            model=spec.model,
            atoms=spec.atoms,
            structure=text_digest(spec.structure),
            inputs=text_digest(spec.canonical()),
            outputs=outputs_digest(structure, attachments),
            software=record.software or "unknown",
            settings=record.settings,
        ),
        disagreement=trust,
        attachments=attachments,
        note=missing[:500] if left_out else None,
        finished_at_ns=record.updated_at_ns,
    )


def _files(record: JobRecord, bar: JobRecord | None) -> Iterator[_File]:
    """Yield what goes with an answer: its input, what the job left, what its bar left."""
    text = record.spec.structure.encode()
    yield _File("input.extxyz", "chemical/x-xyz", "input", text)
    signed = record.spec.canonical().encode()
    yield _File("specification.json", "application/json", "input", signed)
    names = {"input.extxyz", "specification.json"}
    for file in (*record.files, *(bar.files if bar is not None else ())):
        content = _content(file)
        if content is not None and file.name not in names:
            names.add(file.name)
            yield _File(file.name, file.media_type, file.role, content)


def _content(file: JobFile) -> bytes | None:
    """Return a file's bytes, None where its text is not what it says."""
    if file.encoding == "text":
        return file.content.encode()
    try:
        return base64.b64decode(file.content, validate=True)
    except binascii.Error:
        return None


def _fitting(files: Iterator[_File], most_bytes: int) -> tuple[list[_File], list[str]]:
    """Return the files that fit, in order, and the names of those that do not."""
    taken: list[_File] = []
    left_out: list[str] = []
    for file in files:
        spent = sum(len(one.content) for one in taken)
        fits = len(taken) < MOST_FILES and spent + len(file.content) <= most_bytes
        if fits:
            taken.append(file)
        else:
            left_out.append(file.name)
    return taken, left_out


def _fits(answer: Answer) -> bool:
    """Tell whether a message's header is small enough to travel."""
    try:
        encode(Envelope(answer))
    except LocalProtocolError:
        return False
    return True
