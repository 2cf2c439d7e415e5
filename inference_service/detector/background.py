"""A smooth background on a coarse grid of nodes, linear between them along both axes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

__all__ = ["Background"]

FloatArray = NDArray[np.float64]
FloatImage = NDArray[np.float32]


@dataclass(frozen=True)
class Background:
    """The basis: hat functions of the rows times hat functions of the columns.

    Node (i, j) is unknown `i * n_columns + j`.
    """

    row_hats: FloatImage
    """(rows, row nodes); each row sums to 1."""
    column_hats: FloatImage
    """(columns, column nodes)."""

    @classmethod
    def spanning(cls, shape: tuple[int, int], spacing_px: float) -> Background:
        """Lay nodes about `spacing_px` apart, the outermost on the outermost pixels."""
        return cls(hats(shape[0], spacing_px), hats(shape[1], spacing_px))

    @property
    def shape(self) -> tuple[int, int]:
        """(row nodes, column nodes)."""
        return self.row_hats.shape[1], self.column_hats.shape[1]

    @cached_property
    def hats(self) -> tuple[FloatImage, FloatImage]:
        """Values of the row and column hats, (row nodes, rows) and (column nodes, columns)."""
        return np.ascontiguousarray(self.row_hats.T), np.ascontiguousarray(self.column_hats.T)

    def image(self, nodes: FloatArray) -> FloatImage:
        """The background of these (row nodes, column nodes) values, (rows, columns)."""
        half = self.row_hats @ nodes.astype(np.float32)
        return np.asarray(half @ self.column_hats.T)

    def project(self, image: FloatImage) -> FloatArray:
        """Sum of an image under each hat, (row nodes, column nodes)."""
        return np.asarray(self.row_hats.T @ image @ self.column_hats, dtype=np.float64)

    def curvature(
        self, weight: FloatImage
    ) -> tuple[NDArray[np.intp], NDArray[np.intp], FloatArray]:
        """Weighted overlap of all nodes that touch: rows, columns and values of a matrix.

        Exact: products of hats are separable, so each offset between nodes is one projection.
        """
        n_rows, n_cols = self.shape
        node = np.arange(n_rows * n_cols).reshape(n_rows, n_cols)
        first, second, value = [], [], []
        for di in (-1, 0, 1):
            row_products, i = shifted_products(self.row_hats, di)
            half = row_products.T @ weight
            for dj in (-1, 0, 1):
                column_products, j = shifted_products(self.column_hats, dj)
                first.append(node[np.ix_(i, j)].ravel())
                second.append(node[np.ix_(i + di, j + dj)].ravel())
                value.append((half @ column_products).astype(np.float64).ravel())
        return np.concatenate(first), np.concatenate(second), np.concatenate(value)

    def first_nodes(self, xy_px: FloatArray, reach: int) -> NDArray[np.intp]:
        """First row node and column node that a patch around each position touches, (n, 2)."""
        low = np.floor(xy_px[:, ::-1]) - reach
        i, _ = bracket(low[:, 0], len(self.row_hats), self.shape[0])
        j, _ = bracket(low[:, 1], len(self.column_hats), self.shape[1])
        return np.stack([i, j], axis=1)


def hats(length: int, spacing: float) -> FloatImage:
    """Values of evenly laid hat functions at the pixels of one axis, (length, nodes)."""
    nodes = max(2, round((length - 1) / spacing) + 1)
    index, share = bracket(np.arange(length, dtype=np.float64), length, nodes)
    values = np.zeros((length, nodes), dtype=np.float32)
    pixels = np.arange(length)
    values[pixels, index] = 1.0 - share
    values[pixels, index + 1] = share
    return values


def bracket(position: FloatArray, length: int, nodes: int) -> tuple[NDArray[np.intp], FloatArray]:
    """Node below each position and the share of the node above it."""
    scaled = np.clip(position, 0, length - 1) * (nodes - 1) / (length - 1)
    index = np.minimum(scaled.astype(np.intp), nodes - 2)
    return index, scaled - index


def shifted_products(values: FloatImage, shift: int) -> tuple[FloatImage, NDArray[np.intp]]:
    """Products of each hat with the one `shift` further on, and the indices of the former."""
    nodes = values.shape[1]
    index = np.arange(max(0, -shift), min(nodes, nodes - shift))
    return values[:, index] * values[:, index + shift], index
