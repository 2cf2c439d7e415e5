"""An ONNX network that paints what it is shown, written byte by byte: no ONNX package is needed.

It paints carbon where the scaled image is grey, silicon where it is bright, background elsewhere.
"""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest


def varint(number):
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def field(tag, content):
    if isinstance(content, int):
        return varint(tag << 3) + varint(content)
    data = content.encode() if isinstance(content, str) else content
    return varint(tag << 3 | 2) + varint(len(data)) + data


def node(operator, inputs, output, attribute=b""):
    return (
        b"".join(field(1, name) for name in inputs)
        + field(2, output)
        + field(4, operator)
        + attribute
    )


def value(name, dimensions):
    dims = b"".join(
        field(1, field(1, d) if isinstance(d, int) else field(2, d)) for d in dimensions
    )
    return field(1, name) + field(2, field(1, field(1, 1) + field(2, dims)))


def scalar(name, number):
    return field(2, 1) + field(8, name) + field(9, np.float32(number).tobytes())


def painter(strength, output="probability"):
    """A member: paints with `strength`, 1 for all of the image's own brightness."""
    axis = field(5, field(1, "axis") + field(3, 1) + field(20, 2))
    nodes = (
        node("Mul", ["image", "strength"], "atom"),
        node("Add", ["atom", "atom"], "double"),
        node("Sub", ["double", "one"], "over"),
        node("Relu", ["over"], "silicon"),
        node("Sub", ["atom", "silicon"], "carbon"),
        node("Sub", ["one", "atom"], "background"),
        node("Concat", ["carbon", "silicon", "background"], output, axis),
    )
    graph = (
        b"".join(field(1, one) for one in nodes)
        + field(2, "painter")
        + field(5, scalar("strength", strength))
        + field(5, scalar("one", 1.0))
        + field(11, value("image", [1, 1, "rows", "columns"]))
        + field(12, value(output, [1, 3, "rows", "columns"]))
    )
    return field(1, 9) + field(7, graph) + field(8, field(1, "") + field(2, 17))


@pytest.fixture
def write_painters(tmp_path):
    def write(strengths=(1.0,), output="probability", **description):
        members = [painter(strength, output) for strength in strengths]
        entries = []
        for k, member in enumerate(members):
            (tmp_path / f"member-{k}.onnx").write_bytes(member)
            entries.append(
                {"file": f"member-{k}.onnx", "sha256": hashlib.sha256(member).hexdigest()}
            )
        digest = hashlib.sha256("\n".join(e["sha256"] for e in entries).encode()).hexdigest()
        told = {
            "classes": ["C", "Si"],
            "background": True,
            "multiple_px": 8,
            "pixel_size_A": 0.104,
        } | description
        manifest = {"members": entries, "digest": digest, "segmentation": told}
        (tmp_path / "manifest.json").write_text(json.dumps(manifest))
        return tmp_path

    return write


@pytest.fixture
def draw():
    def drawn(shape, xy_px, brightness, width_px=3.0):
        rows, cols = np.indices(shape)
        image = np.zeros(shape)
        for (x, y), peak in zip(xy_px, brightness, strict=True):
            spot = peak * np.exp(-((cols - x) ** 2 + (rows - y) ** 2) / (2 * width_px**2))
            image = np.maximum(image, spot)
        return image.astype(np.float32)

    return drawn
