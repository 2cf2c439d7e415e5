"""Members are summed as probabilities, and tiles leave no seam."""

import numpy as np
import pytest
from scipy import ndimage

from inference_service.detector import ensemble
from inference_service.detector.decode import decode
from inference_service.detector.ensemble import EnsembleMaps, Sum, look
from inference_service.detector.heads import CELL_CENTRE_PX, STRIDE_PX, Channel
from inference_service.detector.member_sums import accumulate


class LocalEngine:
    """Two members whose heads depend on a small neighbourhood only."""

    members = 2

    def sums(self, image):
        smooth = ndimage.uniform_filter(image, 9)[::STRIDE_PX, ::STRIDE_PX]
        sums = np.zeros((len(Sum), *smooth.shape), np.float32)
        for sign in (1.0, 0.5):
            heads = np.zeros((len(Channel), *smooth.shape), np.float32)
            heads[Channel.OBJECTNESS] = 20 * sign * smooth
            heads[Channel.DX] = sign
            accumulate(heads, sums)
        return sums


def test_tiles_agree_with_the_whole(monkeypatch):
    image = np.random.default_rng(3).normal(size=(200, 256)).astype(np.float32)
    whole = look(LocalEngine(), image).sums
    monkeypatch.setattr(ensemble, "TILE_PX", 64)
    assert look(LocalEngine(), image).sums == pytest.approx(whole, abs=1e-5)


def test_a_huge_frame_never_reaches_the_engine_whole():
    shapes = []

    class Recorder(LocalEngine):
        def sums(self, image):
            shapes.append(image.shape)
            return np.zeros((len(Sum), *(n // STRIDE_PX for n in image.shape)), np.float32)

    image = np.zeros((4 * ensemble.TILE_PX, 5 * ensemble.TILE_PX), np.float32)
    assert look(Recorder(), image).sums.shape[1:] == tuple(n // STRIDE_PX for n in image.shape)
    limit = 3 * ensemble.TILE_PX // 2 + 2 * ensemble.HALO_PX
    assert len(shapes) >= 12
    assert max(max(shape) for shape in shapes) <= limit


def test_a_member_that_sees_nothing_does_not_speak_of_the_place():
    seen, blind = (np.zeros((len(Channel), 1, 1), np.float32) for _ in range(2))
    seen[Channel.OBJECTNESS], blind[Channel.OBJECTNESS] = 8.0, -5.0
    seen[Channel.DX], blind[Channel.DX] = 1.0, -9.0

    class Pair:
        members = 2

        def sums(self, image):
            sums = np.zeros((len(Sum), 1, 1), np.float32)
            for heads in (seen, blind):
                accumulate(heads, sums)
            return sums

    maps = look(Pair(), np.zeros((STRIDE_PX, STRIDE_PX), np.float32))
    found = decode(maps)
    assert found.p == pytest.approx(0.5, abs=0.01)
    assert found.xy_px[0, 0] == pytest.approx(CELL_CENTRE_PX + 1.0, abs=0.1)


def maps_of(atoms, shape=(24, 24), radius=1.5):
    """Perfect maps: every cell within `radius` px of an atom points at it."""
    sums = np.zeros((len(Sum), *shape), np.float32)
    for x, y in atoms:
        for i in range(shape[0]):
            for j in range(shape[1]):
                dx = x - (STRIDE_PX * j + CELL_CENTRE_PX)
                dy = y - (STRIDE_PX * i + CELL_CENTRE_PX)
                distance = np.hypot(dx, dy)
                if distance < radius:
                    p = 1.0 - 0.2 * distance
                    sums[[Sum.P, Sum.P_SQUARED], i, j] = p, p * p
                    sums[[Sum.DX, Sum.DX_SQUARED], i, j] = p * dx, p * dx * dx
                    sums[[Sum.DY, Sum.DY_SQUARED], i, j] = p * dy, p * dy * dy
                    sums[[Sum.VARIANCE, Sum.SPECIES_C], i, j] = 0.04 * p, p
    return EnsembleMaps(sums, 1)


def test_each_atom_is_found_once_wherever_it_lies_between_the_cells():
    rng = np.random.default_rng(9)
    for _ in range(40):
        atom = rng.uniform(10, 35, 2)
        found = decode(maps_of([atom]))
        assert len(found) == 1
        assert found.xy_px[0] == pytest.approx(atom, abs=1e-3)
        assert found.sigma_xy_px[0] == pytest.approx([0.2, 0.2], rel=0.01)


def test_two_bonded_atoms_stay_two():
    found = decode(maps_of([(20.0, 20.0), (26.8, 20.0)]))
    assert sorted(found.xy_px[:, 0]) == pytest.approx([20.0, 26.8], abs=1e-3)


def test_nothing_comes_out_of_empty_maps():
    assert len(decode(EnsembleMaps(np.zeros((len(Sum), 8, 8), np.float32), 3))) == 0
