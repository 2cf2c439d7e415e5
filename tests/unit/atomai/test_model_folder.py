"""What the checkpoints do not say must fit what they do say."""

import pytest

from inference_service.atomai.model_folder import Naming, describe, import_models
from shared.errors import ConfigurationError

NAMED = Naming((), 0.104)


def exported(channels, multiple_px=8):
    return {"channels": channels, "multiple_px": multiple_px}


@pytest.mark.parametrize(
    ("channels", "classes", "background"),
    [(1, ("C",), False), (2, ("C",), True), (3, ("C", "Si"), True)],
)
def test_common_models_need_no_names(channels, classes, background):
    description = describe([exported(channels)], NAMED)
    assert description.classes == classes
    assert description.background is background
    assert description.channels == channels


def test_named_classes_are_kept_in_order():
    description = describe([exported(4)], Naming(("C", "N", "Si"), 0.08, 0.6))
    assert description.classes == ("C", "N", "Si")
    assert (description.pixel_size_A, description.threshold) == (0.08, 0.6)


def test_the_strictest_member_decides_the_padding():
    assert describe([exported(3, 8), exported(3, 16)], NAMED).multiple_px == 16


@pytest.mark.parametrize(
    ("exports", "naming", "says"),
    [
        ([exported(3), exported(2)], NAMED, "2 and 3 channels"),
        ([exported(5)], NAMED, "4 classes"),
        ([exported(3)], Naming(("C",), 0.104), "2 classes"),
        ([exported(3)], Naming(("C", "silicon"), 0.104), "classes"),
        ([exported(3)], Naming((), 3.0), "pixel_size_A"),
    ],
)
def test_what_does_not_fit_is_refused(exports, naming, says):
    with pytest.raises(ConfigurationError, match=says):
        describe(exports, naming)


def test_a_folder_that_holds_a_model_is_left_alone(tmp_path):
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(ConfigurationError, match="holds a model"):
        import_models([tmp_path / "a.tar"], tmp_path, NAMED, print)
    assert (tmp_path / "manifest.json").read_text() == "{}"


def test_a_missing_checkpoint_is_named_before_anything_starts(tmp_path):
    with pytest.raises(ConfigurationError, match=r"a\.tar is no file"):
        import_models([tmp_path / "a.tar"], tmp_path / "out", NAMED, print)
