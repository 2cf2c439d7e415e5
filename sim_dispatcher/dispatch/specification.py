"""A step of a ROI as a job that can be done anywhere."""

from __future__ import annotations

from sim_dispatcher.board import Cut, Step
from sim_dispatcher.ledger import JobSpec

__all__ = ["specify"]


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
