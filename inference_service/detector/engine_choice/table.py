"""A verdict in words, for people: what was measured, what was chosen, and why."""

from __future__ import annotations

from collections.abc import Iterator

from inference_service.detector.engine_choice.gate import REFERENCE, Choice
from inference_service.detector.engine_choice.verdict import Measured, Verdict
from inference_service.detector.engines.registry import FAMILIES

__all__ = ["describe"]


def describe(verdict: Verdict, choice: Choice) -> str:
    """Return a headline and a line for each variant.

    Args:
        verdict: What was measured.
        choice: What follows from it.
    """
    here = verdict.circumstances
    head = f"{choice.chosen.key} on {here.threads} threads of {here.processor}"
    return "\n".join([head, *(f"       {line}" for line in _lines(verdict, choice))])


def _lines(verdict: Verdict, choice: Choice) -> Iterator[str]:
    yield f"Network alone on 896 x 896 px of 0.104 Å, wall and processor time; against {REFERENCE}:"
    for one in verdict.measured:
        yield f"{one.key:<16}{_figures(one)}{choice.reasons[one.key]}"
    for name, family in FAMILIES.items():
        if name not in verdict.circumstances.versions:
            yield f"{name:<16}not installed: {family.install}"


def _figures(one: Measured) -> str:
    """Return a variant's figures; nothing where it was not measured."""
    if not one.ms:
        return ""
    speed = f"{one.ms:7.1f} ms {one.cpu_ms or 0.0:7.1f} ms"
    change = f"F1 {one.f1_change:+.4f}   RMS {one.rms_change_pm:+.3f} pm   p {one.p_change:.3f}"
    return f"{speed}   {change}   "
