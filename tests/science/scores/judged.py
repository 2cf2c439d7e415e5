"""One frame's analysis held against its truth: who is who, who is missing, who was made up."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from inference_service.detector.analysis import FrameAnalysis
from inference_service.training.evaluate import as_found
from inference_service.training.scores import Found, liable, pair_up
from inference_service.training.targets import species_class
from tests.science.scores.frames import KnownFrame

MATCH_A, STRICT_MATCH_A = 0.5, 0.25
FOUND_FROM = 0.5
NEAR_DEFECT_A = 3.0
SEEN = np.array([5, 6, 7, 8, 14])
"""Elements the detector names; every other one is to be called unknown."""


@dataclass(frozen=True, eq=False)
class Judged:
    """A frame and what was said of it."""

    frame: KnownFrame
    analysis: FrameAnalysis

    @cached_property
    def found(self) -> Found:
        """Everything listed, as the training's scores want it."""
        return as_found(self.analysis)

    @cached_property
    def certain(self) -> NDArray[np.bool_]:
        """(n,) which listed atoms count as found."""
        return self.found.p >= FOUND_FROM

    @cached_property
    def fair(self) -> NDArray[np.bool_]:
        """(n,) which would be false if no asked atom were theirs."""
        return liable(self.frame.native, self.found.xy_px)

    @cached_property
    def wide(self) -> NDArray[np.int64]:
        """(n,) the true atom of each found one within 0.5 Å, -1 for none."""
        return self._partners(MATCH_A, self.certain)

    @cached_property
    def strict(self) -> NDArray[np.int64]:
        """(n,) the same within 0.25 Å."""
        return self._partners(STRICT_MATCH_A, self.certain)

    @cached_property
    def listed(self) -> NDArray[np.int64]:
        """(n,) the same within 0.5 Å for everything listed, however faint."""
        return self._partners(MATCH_A, np.ones(len(self.certain), dtype=bool))

    @cached_property
    def hits(self) -> NDArray[np.int64]:
        """Indices of the found atoms that are true."""
        return np.flatnonzero(self.wide >= 0)

    @property
    def true(self) -> NDArray[np.int64]:
        """The true atoms of `hits`, in order."""
        return self.wide[self.hits]

    @cached_property
    def false(self) -> NDArray[np.bool_]:
        """(n,) found atoms that are nobody."""
        return self.certain & self.fair & (self.wide < 0)

    @cached_property
    def missed(self) -> NDArray[np.int64]:
        """Indices of the asked atoms that nobody found."""
        return np.setdiff1d(np.flatnonzero(self.frame.asked), self.true)

    def counts(self, partner: NDArray[np.int64]) -> NDArray[np.int64]:
        """True positives, false positives and misses of one matching."""
        right = int((partner >= 0).sum())
        wrong = int((self.certain & self.fair & (partner < 0)).sum())
        return np.array([right, wrong, int(self.frame.asked.sum()) - right])

    def error_A(self, *, fit: bool) -> NDArray[np.float64]:
        """(m, 2) estimate minus truth of every hit, Å."""
        place = self.found.fit_px if fit else self.found.xy_px
        error = (place[self.hits] - self.frame.xy_px[self.true]) * self.frame.pixel_A
        return np.asarray(error)

    def sigma_A(self, *, fit: bool) -> NDArray[np.float64]:
        """(m, 2) stated standard errors of every hit, Å."""
        table = self.analysis.table[self.hits]
        names = ("sigma_fit_px", "sigma_fit_px") if fit else ("sigma_x_px", "sigma_y_px")
        columns = [table[name].astype(np.float64) for name in names]
        return np.column_stack(columns) * self.frame.pixel_A

    @cached_property
    def near_defect(self) -> NDArray[np.bool_]:
        """(m,) which hits lie within 3 Å of a defect."""
        away = self.frame.to_defect_A(self.frame.xy_px[self.true])
        return np.asarray(away < NEAR_DEFECT_A)

    @cached_property
    def right(self) -> NDArray[np.bool_]:
        """(n,) listed atoms that are there and are what they are called."""
        true_class = species_class(self.frame.number[self.listed])
        return np.asarray((self.listed >= 0) & (true_class == self.found.species))

    @cached_property
    def judged(self) -> NDArray[np.bool_]:
        """(n,) listed atoms whose truth is known: asked for, or liable to be false."""
        return np.asarray((self.listed >= 0) | self.fair)

    def nearest_A(self) -> NDArray[np.float64]:
        """Distance of each found atom to the nearest other one, Å by the detector's scale."""
        return nearest_neighbours_A(self.analysis)

    def _partners(self, radius_A: float, eligible: NDArray[np.bool_]) -> NDArray[np.int64]:
        frame = self.frame
        asked = np.flatnonzero(frame.asked)
        partner = pair_up(frame.xy_px[asked], self.found.xy_px, eligible, radius_A / frame.pixel_A)
        return np.where(partner >= 0, asked[partner], -1) if len(asked) else partner


def nearest_neighbours_A(analysis: FrameAnalysis) -> NDArray[np.float64]:
    """Distance of each found atom to the nearest other one, Å by the detector's own scale."""
    table = analysis.table[analysis.table["p"] >= FOUND_FROM]
    xy = np.column_stack([table["x_px"], table["y_px"]]).astype(np.float64)
    if len(xy) < 2:
        return np.full(len(xy), np.inf)
    return np.asarray(cKDTree(xy).query(xy, k=2)[0][:, 1] * analysis.pixel_size_A)
