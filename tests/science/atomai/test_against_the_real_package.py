"""Ours and AtomAI's on the same frames: the paper's route, followed end to end.

Raw frames are labelled by intensity, AtomAI's own trainer trains two small networks on them, they
are imported, and what the service sees is compared with what AtomAI sees.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree

from inference_service.atomai.bright_points import intensities
from inference_service.atomai.crops import Cutting
from inference_service.atomai.ensemble_training import Training, train_ensemble
from inference_service.atomai.labelled_frame import save_labelled
from inference_service.atomai.labelling import Labelling, label_frames, taken
from inference_service.atomai.worker_process import AtomAI
from inference_service.detector.model import load_model
from inference_service.detector.pipeline import Detector
from inference_service.detector.segmentation.description import read_segmentation
from inference_service.detector.segmentation.eye import open_eye
from inference_service.detector.segmentation.member import open_members, paint, scaled
from shared.messages import Calibration

pytestmark = [pytest.mark.atomai, pytest.mark.timeout(900)]

PIXEL_A = 0.104
SIDE = 208
EDGE_PX = 8
KNOWN = Calibration(pixel_size_A=PIXEL_A, source="flag")


def lattice_frame(seed):
    """Counts of graphene with silicon, positions (n, 2), and which atoms are silicon."""
    rng = np.random.default_rng(seed)
    a, n = 2.46 / PIXEL_A, np.arange(-14, 15)
    steps = np.stack(np.meshgrid(n, n), -1).reshape(-1, 2)
    cell = steps @ np.array([[a, 0.0], [a / 2, a * np.sqrt(3) / 2]])
    xy = np.concatenate([cell, cell + np.array([0.0, 1.42 / PIXEL_A])])
    angle = rng.uniform(0, np.pi)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    xy = xy @ turn + SIDE / 2 + rng.uniform(-5, 5, 2)
    xy = xy[np.all((xy > -8) & (xy < SIDE + 7), axis=1)] + rng.normal(0, 0.4)
    silicon = rng.random(len(xy)) < 0.05
    axis = np.arange(SIDE)
    cols, rows = (np.exp(-0.5 * ((axis - xy[:, k : k + 1]) / 4.0) ** 2) for k in (0, 1))
    counts = 8.0 * (rows.T @ (cols * np.where(silicon, 3.5, 1.0)[:, None])) + 0.5
    return rng.poisson(counts).astype(np.float32), xy, silicon


@pytest.fixture(scope="module")
def ensemble(tmp_path_factory):
    """Folder of two networks trained on first labels, and AtomAI's checkpoint of them."""
    place = tmp_path_factory.mktemp("atomai")
    raw = [taken(lattice_frame(seed)[0], KNOWN, Labelling()) for seed in range(6)]
    for k, frame in enumerate(label_frames(raw, Labelling()).frames):
        save_labelled(place / f"{k}.npz", frame)
    how = Training(
        members=2, cycles=130, batch=8, layers=(1, 1, 1, 1), cutting=Cutting(48, 320, seed=2)
    )
    said = []
    assert train_ensemble([place], place / "model", how, said.append) == 2
    assert "2 of 2 members trained" in said
    return place / "model", place / "model-training" / "ensemble_ensemble_metadict.tar"


@pytest.fixture(scope="module")
def theirs(ensemble, tmp_path_factory):
    """Mean map, variance and located atoms of AtomAI on a frame nobody trained on."""
    place = tmp_path_factory.mktemp("frame")
    image, xy, silicon = lattice_frame(99)
    np.savez(place / "frame.npz", image=image, xy_px=xy[inner(xy)])
    with AtomAI() as atomai:
        atomai.ask(
            "detect",
            model=str(ensemble[1]),
            frame=str(place / "frame.npz"),
            threads=1,
            out=str(place / "out.npz"),
        )
        classes = atomai.ask("classify", frame=str(place / "frame.npz"), window_px=5, classes=2)
    with np.load(place / "out.npz", allow_pickle=False) as archive:
        found = dict(archive)
    return found | {"image": image, "xy": xy, "silicon": silicon, "classes": classes}


def inner(xy):
    return np.all((xy > EDGE_PX) & (xy < SIDE - 1 - EDGE_PX), axis=1)


def test_what_is_served_paints_what_atomai_paints(ensemble, theirs):
    folder, _ = ensemble
    description = read_segmentation(folder)
    sessions = open_members(load_model(folder), description, threads=1)
    maps = np.stack([paint(session, scaled(theirs["image"])) for session in sessions])
    mean, variance = theirs["mean"].transpose(2, 0, 1), theirs["variance"].transpose(2, 0, 1)
    assert np.abs(maps.mean(axis=0) - mean).max() < 1e-4
    assert np.abs(maps.var(axis=0) - variance).max() < 1e-4


def test_our_candidates_are_where_its_locator_finds_atoms(ensemble, theirs):
    folder, _ = ensemble
    ours = open_eye(folder, load_model(folder), 1).see(theirs["image"], PIXEL_A)
    located = theirs["atoms"][:, 1::-1]
    located = located[inner(located)]
    distance, _ = cKDTree(ours.xy_px).query(located)
    assert len(located) > 100
    assert np.mean(distance < 2.0) > 0.97
    assert np.median(distance) < 0.5


def test_a_frame_goes_all_the_way_to_named_atoms_with_error_bars(ensemble, theirs):
    detector = Detector(ensemble[0], threads=1)
    try:
        table = detector.analyze(theirs["image"], KNOWN).table
    finally:
        detector.close()
    table = table[table["p"] >= 0.5]
    found = np.stack([table["x_px"], table["y_px"]], axis=1)
    truth = theirs["xy"]
    distance, nearest = cKDTree(truth).query(found[inner(found)])
    assert np.mean(distance < 4.8) > 0.95
    assert len(found) > 0.85 * np.sum(inner(truth))
    assert np.all(table["sigma_x_px"] > 0)
    named = table["atomic_number"][inner(found)] == 14
    assert np.mean(named == theirs["silicon"][nearest]) > 0.97


def test_intensities_are_those_atomai_reads(theirs):
    xy = theirs["xy"][inner(theirs["xy"])]
    ours = intensities(theirs["image"], xy, 5)
    assert ours == pytest.approx(theirs["classes"]["intensities"], rel=1e-6)


def test_our_mixture_tells_apart_whom_atomai_s_does(theirs):
    raw = taken(theirs["image"], KNOWN, Labelling())
    (frame,) = label_frames([raw], Labelling()).frames
    groups = np.array(theirs["classes"]["groups"])
    bright = groups == (0 if np.sum(groups == 0) < len(groups) / 2 else 1)
    distance, nearest = cKDTree(frame.xy_px).query(theirs["classes"]["xy_px"])
    seen = distance < 4
    assert np.mean(seen) > 0.95
    assert np.mean((frame.atom_class[nearest] == 1)[seen] == bright[seen]) > 0.98
