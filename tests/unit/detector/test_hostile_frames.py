"""Frames that nobody should hand in: refused in kind or flagged, never a crash or a silent zero."""

import numpy as np
import pytest

from inference_service.detector.pipeline import Detector, shipped_model
from shared.errors import AtomLoopError
from shared.messages import Calibration

KNOWN = Calibration(pixel_size_A=0.16, source="header")


@pytest.fixture(scope="module")
def detector():
    made = Detector(shipped_model(), threads=1)
    made.analyze(np.random.default_rng(1).random((96, 96)), KNOWN)
    yield made
    made.close()


@pytest.fixture(scope="module")
def good(render):
    return render(shape=(128, 128), pixel_size_A=0.16, counts=150.0).image.astype(np.float64)


def struck(image):
    image = image.copy()
    image[60, 70] = 1e9
    return image


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda image: -image, id="inverted"),
        pytest.param(lambda image: np.minimum(image, np.median(image)), id="saturated"),
        pytest.param(lambda image: (image > np.median(image)).astype(np.uint8), id="two levels"),
        pytest.param(struck, id="one pixel struck"),
        pytest.param(lambda image: np.abs(np.sin(np.arange(image.size))).reshape(image.shape),
                     id="a wave"),
        pytest.param(lambda image: np.eye(len(image)), id="a line"),
    ],
)  # fmt: skip
def test_a_spoilt_frame_is_flagged_with_a_reason(detector, good, spoil):
    analysis = detector.analyze(spoil(good), KNOWN)
    assert analysis.ood.flag
    assert analysis.ood.reasons
    for name in analysis.table.dtype.names:
        assert np.isfinite(analysis.table[name].astype(float)).all(), name


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda image: (image / image.max()).astype(np.float16), id="float16"),
        pytest.param(lambda image: image.astype(np.int64), id="int64"),
        pytest.param(lambda image: image * 1e300, id="huge unit"),
        pytest.param(lambda image: image.astype(np.float32)[:, :96], id="not square"),
        pytest.param(lambda image: image[::-1, ::-1], id="strided backwards"),
        pytest.param(np.asfortranarray, id="columns first"),
    ],
)
def test_an_unusual_but_sound_frame_is_analysed_like_any(detector, good, change):
    analysis = detector.analyze(change(good), KNOWN)
    assert not analysis.ood.flag, analysis.ood.reasons
    found = (analysis.table["p"] >= 0.5).sum()
    assert found > 0.9 * 0.382 * np.prod(change(good).shape) * 0.16**2


@pytest.mark.parametrize(
    "image",
    [
        pytest.param(np.empty((0, 0)), id="empty"),
        pytest.param(np.ones(()), id="a number"),
        pytest.param(np.ones((70, 70, 3)), id="colours"),
        pytest.param(np.ones((70, 70), dtype=bool), id="a mask"),
        pytest.param(np.full((70, 70), np.nan), id="nothing measured"),
        pytest.param(np.random.default_rng(1).random((63, 63)), id="tiny"),
        pytest.param(np.zeros((8200, 64), dtype=np.uint8), id="endless"),
    ],
)
def test_what_is_no_frame_is_refused_with_a_remedy(detector, image):
    with pytest.raises(AtomLoopError) as refusal:
        detector.analyze(image, KNOWN)
    assert refusal.value.remedy
