"""One warm reader per module, started before the first test so that none seems to leave it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from shared.files import ImageReader


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ImageReader]:
    """A reader whose process already runs."""
    first: Path = tmp_path_factory.mktemp("warm") / "first.png"
    Image.new("L", (4, 4)).save(first)
    with ImageReader() as warm:
        assert len(list(warm.read(first))) == 1
        yield warm
