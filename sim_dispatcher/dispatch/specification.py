"""The specification of a job, and the digests by which its answer is traced back to it."""

from __future__ import annotations

import json

from blake3 import blake3

from sim_dispatcher.board import Cut, Step
from sim_dispatcher.ledger import JobSpec

__all__ = ["inputs_digest", "signed_text", "specify"]


def specify(roi: str, cut: Cut, step: Step, priority: float, now_ns: int) -> JobSpec:
    """Return a step of a ROI as a job that can be done anywhere.

    Args:
        roi: Its key.
        cut: What was cut out for it.
        step: What is computed.
        priority: Larger first.
        now_ns: Wall clock.
    """
    return JobSpec(
        key=step.key(roi),
        roi=roi,
        recipe=step.recipe,
        level=step.level,
        structure=step.piece.structure,
        charge=step.piece.charge,
        unpaired=step.piece.unpaired,
        options=step.options,
        variants=step.variants,
        priority=priority,
        frame=cut.frame,
        model=cut.model,
        atoms=cut.atoms,
        created_at_ns=now_ns,
    )


def signed_text(spec: JobSpec) -> str:
    """Return a specification as its signature stands for it: sorted, compact JSON."""
    return json.dumps(spec.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))


def inputs_digest(spec: JobSpec) -> str:
    """Return BLAKE3 of a specification as its signature stands for it."""
    return blake3(signed_text(spec).encode()).hexdigest()
