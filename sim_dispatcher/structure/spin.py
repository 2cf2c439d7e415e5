"""Electron count and the unpaired electron it forces."""

from __future__ import annotations

from collections.abc import Iterable

from ase.data import atomic_numbers

__all__ = ["unpaired_electrons"]


def unpaired_electrons(symbols: Iterable[str], charge: int = 0) -> int:
    """Return the least number of unpaired electrons the parity allows: 0 or 1.

    Tight binding without spin polarisation cannot rank spin states, so the lowest one is taken.

    Args:
        symbols: Elements of all atoms, caps included.
        charge: Total charge, e.
    """
    protons = sum(int(atomic_numbers[symbol]) for symbol in symbols)
    return (protons - charge) % 2
