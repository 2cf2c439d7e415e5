"""How large a frame is."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Extent"]


@dataclass(frozen=True)
class Extent:
    """Rows, columns and the edge of a pixel."""

    shape: tuple[int, int]
    pixel_size_A: float

    @property
    def size_A(self) -> tuple[float, float]:
        """(height, width) of the field of view, Å."""
        return self.shape[0] * self.pixel_size_A, self.shape[1] * self.pixel_size_A
