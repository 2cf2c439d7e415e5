"""The image of a structure, and how it is laid over a measured one."""

from __future__ import annotations

import dataclasses
import io

import numpy as np
import pytest
from PIL import Image

from shared.errors import StructureError
from shared.messages.reports import ImageReport
from sim_dispatcher.levels import choose_level
from sim_dispatcher.recipes import Options, run_recipe
from sim_dispatcher.recipes.imaging import compare_image, compared_pixels, seen_atoms
from sim_dispatcher.recipes.micrograph import CONTRAST_EXPONENT, Grid, forward_image, grid_about
from sim_dispatcher.recipes.png import grey_png
from sim_dispatcher.recipes.registration import Measured
from sim_dispatcher.structure import Cluster

FORCE_FIELD = choose_level("gfnff")


@pytest.fixture(scope="module")
def relaxed(silicon_in_coronene: Cluster) -> Cluster:
    return run_recipe(silicon_in_coronene, "relax", FORCE_FIELD).cluster


def measured(
    cluster: Cluster,
    shift_A: tuple[float, float] = (0.0, 0.0),
    sigma_A: float = 0.5,
    noise: float = 0.0,
) -> Measured:
    """Return what a microscope sees of a cluster, in counts on a background."""
    numbers, places_A = seen_atoms(cluster)
    grid = grid_about(places_A, 0.12, 2.0)
    ideal = forward_image(numbers, places_A + np.array(shift_A), grid, sigma_A)
    grain = np.random.default_rng(5).normal(0.0, noise, ideal.shape)
    return Measured(300.0 + 80.0 * (ideal + grain), grid)


def test_brightness_is_a_power_of_the_atomic_number() -> None:
    grid = Grid((41, 41), 0.1, (-2.0, -2.0))
    places_A = np.zeros((1, 2))
    carbon, silicon = (forward_image(np.array([z]), places_A, grid) for z in (6, 14))
    assert carbon.max() == pytest.approx(1.0)
    assert np.allclose(silicon / carbon, (14 / 6) ** CONTRAST_EXPONENT)
    assert carbon.argmax() == 20 * 41 + 20


def test_x_is_the_column_and_y_the_row() -> None:
    grid = Grid((30, 50), 0.1, (10.0, 20.0))
    image = forward_image(np.array([6]), np.array([[14.0, 20.5]]), grid)
    assert image.argmax() == 5 * 50 + 40


def test_a_shift_and_a_probe_are_found_to_a_hundredth(relaxed: Cluster) -> None:
    found = compare_image(relaxed, measured(relaxed, (0.31, -0.17), 0.52, noise=0.02))
    assert np.allclose(found.shift_A, (0.31, -0.17), atol=0.01)
    assert found.sigma_A == pytest.approx(0.52, abs=0.01)
    assert found.correlation > 0.99
    assert found.residual_share < 0.02


def test_the_wrong_structure_explains_less(relaxed: Cluster) -> None:
    symbols = tuple("C" if symbol == "Si" else symbol for symbol in relaxed.symbols)
    wrong = dataclasses.replace(relaxed, symbols=symbols)
    patch = measured(relaxed, noise=0.05)
    right, other = compare_image(relaxed, patch), compare_image(wrong, patch)
    assert right.correlation > other.correlation + 0.05
    assert right.residual_share < 0.2 * other.residual_share


def test_an_inverted_image_is_no_match(relaxed: Cluster) -> None:
    patch = measured(relaxed)
    found = compare_image(relaxed, Measured(-patch.image, patch.grid), 0.5)
    assert found.correlation <= 0
    assert found.residual_share == 1.0


def test_the_frame_s_coordinates_are_the_cluster_s_plus_its_origin(relaxed: Cluster) -> None:
    patch = measured(relaxed)
    elsewhere = dataclasses.replace(relaxed, origin_A=(40.0, -7.0))
    x, y = patch.grid.origin_A
    moved = dataclasses.replace(patch.grid, origin_A=(x + 40.0, y - 7.0))
    found = compare_image(elsewhere, Measured(patch.image, moved))
    assert np.allclose(found.shift_A, 0, atol=1e-3)


def test_only_the_inside_of_the_cluster_is_compared(relaxed: Cluster) -> None:
    patch = measured(relaxed)
    compared = compared_pixels(relaxed, patch.grid)
    assert 0.1 < compared.mean() < 0.5
    dirty = np.where(compared, patch.image, 1e6)
    found = compare_image(relaxed, Measured(dirty, patch.grid))
    assert found.correlation == pytest.approx(1.0, abs=1e-6)


def test_the_recipe_relaxes_and_draws_the_model(silicon_in_coronene: Cluster) -> None:
    computed = run_recipe(silicon_in_coronene, "image", FORCE_FIELD)
    report = computed.result.report
    assert isinstance(report, ImageReport)
    assert report.correlation is None
    (picture,) = [file for file in computed.files if file.role == "picture"]
    shown = np.asarray(Image.open(io.BytesIO(picture.content)))
    assert (picture.name, shown.max(), shown.min()) == ("model.png", 255, 0)
    assert computed.result.fmax_eV_A < 0.05


def test_the_recipe_compares_with_pixels_where_it_has_them(
    silicon_in_coronene: Cluster, relaxed: Cluster
) -> None:
    options = Options(patch=measured(relaxed, noise=0.02))
    computed = run_recipe(silicon_in_coronene, "image", FORCE_FIELD, options)
    report = computed.result.report
    assert isinstance(report, ImageReport)
    assert report.correlation is not None
    assert report.correlation > 0.98
    assert report.probe_sigma_A == pytest.approx(0.5, abs=0.03)
    names = [file.name for file in computed.files if file.role == "picture"]
    assert names == ["model.png", "measured.png", "difference.png"]
    assert any("as detected" in note for note in computed.cluster.notes)


def test_a_patch_of_another_place_is_refused(relaxed: Cluster) -> None:
    patch = measured(relaxed)
    away = dataclasses.replace(patch.grid, origin_A=(500.0, 500.0))
    with pytest.raises(StructureError, match="shows nothing"):
        run_recipe(relaxed, "image", FORCE_FIELD, Options(patch=Measured(patch.image, away)))


def test_a_picture_is_read_back_grey_by_grey() -> None:
    image = np.arange(12.0).reshape(3, 4)
    shown = np.asarray(Image.open(io.BytesIO(grey_png(image, 0.0, 11.0))))
    assert shown.shape == (3, 4)
    assert np.array_equal(shown, np.round(image / 11 * 255))
    flat = np.asarray(Image.open(io.BytesIO(grey_png(np.ones((2, 2)), 1.0, 1.0))))
    assert not flat.any()
