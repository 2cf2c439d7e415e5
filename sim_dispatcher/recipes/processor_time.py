"""Processor time of a calculation, the programs that it ran included."""

from __future__ import annotations

import resource

__all__ = ["processor_s"]


def processor_s() -> float:
    """Return the processor time of this process and of the programs that it ran, s."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)
