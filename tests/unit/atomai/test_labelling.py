"""Raw frames become labelled ones: every atom a disc of its class."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from inference_service.atomai.bright_points import bright_points, intensities
from inference_service.atomai.labelled_frame import found_files, load_labelled, painted
from inference_service.atomai.labelling import Labelling, label_frames, taken
from inference_service.cli import app
from shared.errors import InputError, UnreadableFileError
from shared.messages import Calibration

PIXEL_A = 0.104
SIDE = 224


def lattice():
    """Positions (n, 2) of graphene within the frame, px."""
    a, n = 2.46 / PIXEL_A, np.arange(-14, 15)
    steps = np.stack(np.meshgrid(n, n), -1).reshape(-1, 2)
    cell = steps @ np.array([[a, 0.0], [a / 2, a * np.sqrt(3) / 2]])
    xy = np.concatenate([cell, cell + np.array([0.0, 1.42 / PIXEL_A])]) + SIDE / 2 + 3.3
    return xy[np.all((xy > 6) & (xy < SIDE - 7), axis=1)]


@pytest.fixture
def graphene(rng):
    return graphene_with([30, 90, 140], rng)


def graphene_with(heavy, rng):
    """A frame, its positions, and which of them are silicon."""
    xy = lattice()
    silicon = np.zeros(len(xy), dtype=bool)
    silicon[heavy] = True
    cols, rows = (np.exp(-0.5 * ((np.arange(SIDE) - xy[:, k : k + 1]) / 4.2) ** 2) for k in (0, 1))
    counts = 6.0 * (rows.T @ (cols * np.where(silicon, 4.0, 1.0)[:, None])) + 0.5
    return rng.poisson(counts).astype(np.uint16), xy, silicon


@pytest.fixture
def labelled(graphene):
    raw = taken(graphene[0], Calibration(pixel_size_A=PIXEL_A, source="flag"), Labelling())
    return label_frames([raw], Labelling())


def test_bright_points_lie_on_the_atoms_to_a_fraction_of_a_pixel(graphene):
    image, xy, _ = graphene
    found, answer = bright_points(image.astype(np.float32), PIXEL_A)
    distance = np.linalg.norm(found[:, None] - xy[None], axis=2)
    assert len(found) == len(answer)
    # A carbon beside silicon may drown in its flank: the classical way is no better.
    assert np.sum(distance.min(axis=0) < 4) >= len(xy) - 4
    assert np.sqrt(np.mean(distance.min(axis=1) ** 2)) < 1.0


def test_an_intensity_is_the_mean_of_a_square_as_atomai_takes_it(rng):
    image = rng.random((40, 40)).astype(np.float32)
    expected = image[18:23, 9:14].mean()
    assert intensities(image, np.array([[11.2, 19.8]]), 5) == pytest.approx([expected], rel=1e-5)


def test_silicon_is_told_from_carbon(graphene, labelled):
    _, xy, silicon = graphene
    (frame,) = labelled.frames
    nearest = np.linalg.norm(frame.xy_px[:, None] - xy[None], axis=2).argmin(axis=1)
    assert np.array_equal(frame.atom_class == 1, silicon[nearest])
    assert not labelled.warnings


def test_the_mask_names_each_atom_s_class_and_the_background_last(labelled):
    (frame,) = labelled.frames
    col, row = np.rint(frame.xy_px).astype(int).T
    assert np.array_equal(frame.mask[row, col], frame.atom_class)
    assert frame.mask.max() == 2


def test_one_class_is_said_to_be_one(rng):
    raw = taken(
        graphene_with([], rng)[0], Calibration(pixel_size_A=PIXEL_A, source="flag"), Labelling()
    )
    labelled = label_frames([raw], Labelling())
    assert labelled.mixture is None
    assert "one class" in labelled.warnings[0]


def test_a_pixel_between_two_discs_goes_to_the_nearer_atom():
    xy, group = np.array([[10.0, 10.0], [15.0, 10.0]]), np.array([0, 1])
    mask = painted((20, 26), xy, group, 4.0, background=2)
    assert mask[10, 12] == 0
    assert mask[10, 13] == 1
    assert mask[10, 20] == 2


def test_a_frame_without_atoms_is_refused():
    image = np.zeros((128, 128), dtype=np.float32)
    image[:, 64:] = 1.0
    with pytest.raises(InputError):
        taken(image, Calibration(pixel_size_A=None, source="none"), Labelling())


def test_the_command_labels_files_and_names_what_it_cannot(graphene, tmp_path):
    np.save(tmp_path / "one.npy", graphene[0])
    (tmp_path / "two.npy").write_bytes(b"no image")
    out = tmp_path / "labels"
    files = [str(tmp_path / "one.npy"), str(tmp_path / "two.npy")]
    done = CliRunner().invoke(app, ["label", *files, "--out", str(out), "--pixel-size", "0.104"])
    assert done.exit_code == 1, done.output
    assert "two.npy" in done.output
    (written,) = found_files([out])
    frame = load_labelled(written)
    assert frame.classes == ("C", "Si")
    assert (frame.atom_class == 1).sum() == 3
    summary = json.loads((out / "labels.json").read_text())
    assert summary["atoms"] == {"C": len(frame.xy_px) - 3, "Si": 3}


def test_pickled_labels_are_refused(tmp_path):
    np.savez(tmp_path / "bad.npz", image=np.array([{}], dtype=object))
    with pytest.raises(UnreadableFileError, match="bad"):
        load_labelled(tmp_path / "bad.npz")


def test_labels_whose_parts_do_not_fit_are_refused(tmp_path, labelled):
    from dataclasses import replace

    from inference_service.atomai.labelled_frame import save_labelled

    (frame,) = labelled.frames
    save_labelled(tmp_path / "bad.npz", replace(frame, mask=frame.mask[:-1]))
    with pytest.raises(UnreadableFileError, match="mask"):
        load_labelled(tmp_path / "bad.npz")
