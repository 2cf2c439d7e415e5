"""Which fireworks may run: a decision on the plain document, before any of it is interpreted.

FireWorks turns documents into objects by importing whatever module they name. So the launcher looks
at the stored document first; what is not exactly one signed compute task is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from sim_dispatcher.launch.firetasks.compute import TASK_NAME
from sim_dispatcher.launch.queue_request import FIELD, QueueRequest
from sim_dispatcher.launch.signing import SigningKey
from sim_dispatcher.ledger import JobSpec

__all__ = ["Admitted", "Refused", "admit", "task_document"]

Document = dict[str, Any]

_SPEC_FIELDS: Final = frozenset({"_tasks", "_category", "_priority", FIELD})
_TASK_FIELDS: Final = frozenset({"_fw_name", "job", "signature"})


@dataclass(frozen=True)
class Admitted:
    """A firework that may run.

    Attributes:
        firework: Its `fw_id`.
        spec: The job, as it was signed.
        signature: The signature.
        request: What it asks of the batch system; None where it does not go there.
    """

    firework: int
    spec: JobSpec
    signature: str
    request: QueueRequest | None = None


@dataclass(frozen=True)
class Refused:
    """A firework that must not run."""

    firework: int
    reason: str


def task_document(spec: JobSpec, key: SigningKey) -> Document:
    """Return the parameters of a job's task.

    Args:
        spec: The job.
        key: Signs it.
    """
    job = spec.canonical()
    return {"job": job, "signature": key.sign(job)}


def admit(document: Document, key: SigningKey) -> Admitted | Refused:
    """Decide on a firework.

    Args:
        document: As stored in the collection `fireworks`.
        key: Checks the signature.
    """
    firework = document.get("fw_id")
    number = firework if isinstance(firework, int) else -1
    try:
        task = _only_task(document)
        spec, signature = _signed_job(task, key)
        request = _request(document["spec"])
        _check_name(document, spec)
    except _NotOursError as error:
        return Refused(number, str(error))
    return Admitted(number, spec, signature, request)


class _NotOursError(Exception):
    """A firework that is not exactly one signed compute task."""


def _only_task(document: Document) -> Document:
    spec = document.get("spec")
    if not isinstance(spec, dict):
        raise _NotOursError("It has no specification.")
    alien = sorted(spec.keys() - _SPEC_FIELDS)
    if alien:
        raise _NotOursError(f"Its specification has the unknown field {alien[0][:80]!r}.")
    tasks = spec.get("_tasks")
    if not isinstance(tasks, list) or len(tasks) != 1 or not isinstance(tasks[0], dict):
        raise _NotOursError("It is not exactly one task.")
    return tasks[0]


def _request(spec: Document) -> QueueRequest | None:
    """Return what goes into a job script, every value of which must be of its type."""
    if FIELD not in spec:
        return None
    try:
        return QueueRequest.model_validate(spec[FIELD], strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part)[:40] for part in first["loc"]) or FIELD
        raise _NotOursError(f"Its queue settings are not allowed: {where}.") from error


def _check_name(document: Document, spec: JobSpec) -> None:
    """Refuse a firework that goes by another name than its job's: FireWorks names scripts so."""
    if document.get("name", spec.key) != spec.key:
        raise _NotOursError("Its name is not its job's.")


def _signed_job(task: Document, key: SigningKey) -> tuple[JobSpec, str]:
    name = str(task.get("_fw_name"))[:80]
    if name != TASK_NAME:
        raise _NotOursError(f"Its task {name!r} is not on the list of allowed tasks.")
    if task.keys() != _TASK_FIELDS:
        raise _NotOursError("Its task has missing or unknown parameters.")
    job, signature = task["job"], task["signature"]
    if not isinstance(job, str) or not isinstance(signature, str):
        raise _NotOursError("The parameters of its task are of the wrong type.")
    if not key.verifies(job, signature):
        raise _NotOursError("Its signature is missing, or stands for another job or key.")
    try:
        return JobSpec.model_validate_json(job), signature
    except ValidationError as error:
        message = error.errors(include_url=False)[0]["msg"]
        raise _NotOursError(f"Its job is malformed: {message}.") from error
