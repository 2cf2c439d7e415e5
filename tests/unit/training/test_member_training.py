"""Training, resuming and exporting a member; needs the `train` extra."""

from pathlib import Path

import numpy as np
import pytest

from inference_service.detector.heads import INPUT_NAME, Channel
from inference_service.training.frame_pool import FramePool
from inference_service.training.plan import UNKNOWN_OVER_SILICON
from inference_service.training.recipe import Recipe
from inference_service.training.simulated_frame import training_frame
from inference_service.training.specimen import FAMILIES
from inference_service.training.targets import Plane, cell_targets
from shared.errors import ModelError

EXTRA = "pip install 'atomloop[train]'"
torch = pytest.importorskip("torch", reason=EXTRA)
onnx_export = pytest.importorskip("inference_service.training.onnx_export", reason=EXTRA)
fit = pytest.importorskip("inference_service.training.fit", reason=EXTRA)
network = pytest.importorskip("inference_service.training.network", reason=EXTRA)

RECIPE = Recipe(steps=4, finish_steps=2, batch=2, pool_shards=1)


@pytest.fixture(scope="module")
def pool() -> "fit.Pools":
    frame = training_frame(np.random.default_rng(1), FAMILIES["silicon"], 208)
    frames = FramePool((frame.image[None].astype(np.float16),), (cell_targets(frame)[None],))
    return fit.Pools(frames, frames)


def _silent(_step: int, _loss: float) -> None:
    """Take no notice."""


def test_a_resumed_member_ends_as_an_unbroken_one(pool: fit.Pools, tmp_path: Path) -> None:
    whole = fit.train_member(fit.MemberTraining(RECIPE, 7), pool, tmp_path / "a.npz", _silent)
    broken = fit.MemberTraining(RECIPE, 7)
    for _ in range(3):
        rng = np.random.default_rng([7, broken.step])
        images, targets = pool.batch(rng, RECIPE.batch, finishing=broken.finishing)
        broken.advance(torch.from_numpy(images), torch.from_numpy(targets))
    broken.save(tmp_path / "b.npz")
    again = fit.MemberTraining(RECIPE, 7)
    again.resume(tmp_path / "b.npz")
    assert again.step == 3
    resumed = fit.train_member(again, pool, tmp_path / "b.npz", _silent)
    assert all(np.allclose(whole[name], resumed[name], atol=1e-5) for name in whole)


def test_a_checkpoint_of_another_recipe_is_refused(pool: fit.Pools, tmp_path: Path) -> None:
    training = fit.MemberTraining(RECIPE, 7)
    fit.train_member(training, pool, tmp_path / "d.npz", _silent)
    training.save(tmp_path / "d.npz")
    with pytest.raises(ModelError, match="another recipe"):
        fit.MemberTraining(Recipe(steps=7, finish_steps=2, batch=2), 7).resume(tmp_path / "d.npz")


def test_members_of_different_seeds_differ_from_the_start() -> None:
    first, second = (fit.MemberTraining(RECIPE, seed).weights() for seed in (1, 2))
    assert not np.allclose(first["stem.weight"], second["stem.weight"])


def test_the_exported_graph_says_what_the_network_says(pool: fit.Pools, tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    training = fit.MemberTraining(RECIPE, 3)
    weights = fit.train_member(training, pool, tmp_path / "c.npz", _silent)
    image = np.random.default_rng(0).normal(size=(1, 1, 64, 104)).astype(np.float32)
    with torch.no_grad():
        ours = network.forward(
            training.parameters, training.statistics, torch.from_numpy(image), training=False
        )
    ours[:, Channel.SPECIES_X] -= np.log(UNKNOWN_OVER_SILICON)
    session = onnxruntime.InferenceSession(
        onnx_export.member_bytes(weights), providers=["CPUExecutionProvider"]
    )
    (theirs,) = session.run(None, {INPUT_NAME: image})
    assert theirs.shape == (1, len(Channel), 32, 52)
    assert np.allclose(ours.numpy(), theirs, atol=1e-4)


def test_cells_beside_vacuum_and_dopants_can_count_for_more() -> None:
    objective = pytest.importorskip("inference_service.training.objective", reason=EXTRA)
    targets = torch.zeros(1, len(Plane), 40, 40)
    targets[:, Plane.VACUUM, :, 20:] = 1.0
    targets[:, Plane.CLASS, 5, 3] = 2
    targets[:, Plane.CLASS, 30, 3] = 1
    near = objective.tempting(targets)[0]
    assert near[20].nonzero()[:, 0].tolist() == list(range(15, 25))
    assert near[:11, :9].all()
    assert not near[25:36, :9].any()
