"""A smooth background on a coarse grid of nodes, linear between them along both axes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

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

    @property
    def places(self) -> tuple[FloatArray, FloatArray]:
        """Rows of the row nodes and columns of the column nodes, px."""
        rows, columns = (
            np.linspace(0.0, len(hats) - 1.0, hats.shape[1])
            for hats in (self.row_hats, self.column_hats)
        )
        return rows, columns

    def image(self, nodes: FloatArray) -> FloatImage:
        """The background of these (row nodes, column nodes) values, (rows, columns)."""
        half = self.row_hats @ nodes.astype(np.float32)
        return np.asarray(half @ self.column_hats.T)

    def node_images(self) -> FloatImage:
        """Image of each node, (row nodes * column nodes, rows, columns)."""
        outer = np.einsum("ri,cj->ijrc", self.row_hats, self.column_hats)
        return np.asarray(outer.reshape(-1, len(self.row_hats), len(self.column_hats)))

    def project(self, image: FloatImage) -> FloatArray:
        """Sum of an image under each hat, (row nodes, column nodes)."""
        return np.asarray(self.row_hats.T @ image @ self.column_hats, dtype=np.float64)

    def curvature(self, weight: FloatImage) -> FloatArray:
        """Weighted overlap of each node with itself and the eight around it.

        Exact: products of hats are separable, so each offset between nodes is one projection.

        Returns:
            (row nodes, column nodes, 9): offsets by row -1, 0, 1, and by column within each.
        """
        out = np.zeros((*self.shape, 9))
        for di in (-1, 0, 1):
            row_products, i = shifted_products(self.row_hats, di)
            half = row_products.T @ weight
            for dj in (-1, 0, 1):
                column_products, j = shifted_products(self.column_hats, dj)
                out[i[:, None], j, 3 * (di + 1) + dj + 1] = half @ column_products
        return out

    def shares(self, xy_px: FloatArray, blur_px: float) -> tuple[NDArray[np.intp], FloatArray]:
        """The nine nodes around each place and their shares in the level under an atom there.

        Args:
            xy_px: (n, 2) column and row.
            blur_px: Standard deviation of an atom: it answers to the level beneath all of it.

        Returns:
            (n, 9) nodes and (n, 9) shares, which add up to 1.
        """
        i, by_row = blurred_shares(self.row_hats, xy_px[:, 1], blur_px)
        j, by_column = blurred_shares(self.column_hats, xy_px[:, 0], blur_px)
        nodes = i[:, :, None] * self.shape[1] + j[:, None, :]
        shares = by_row[:, :, None] * by_column[:, None, :]
        return nodes.reshape(-1, 9), shares.reshape(-1, 9)


def blurred_shares(
    hats: FloatImage, place: FloatArray, blur_px: float
) -> tuple[NDArray[np.intp], FloatArray]:
    """Three nodes of one axis around each place, (n, 3), and their shares there."""
    length, nodes = hats.shape
    table = ndimage.gaussian_filter1d(hats, blur_px, axis=0, mode="nearest")
    pixel = np.clip(np.rint(place), 0, length - 1).astype(np.intp)
    middle = np.rint(pixel * (nodes - 1) / (length - 1)).astype(np.intp)
    index = np.clip(middle[:, None] + np.arange(-1, 2), 0, nodes - 1)
    share = table[pixel[:, None], index].astype(np.float64)
    share[:, 0] *= middle > 0
    share[:, 2] *= middle < nodes - 1
    return index, share / share.sum(axis=1, keepdims=True)


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
