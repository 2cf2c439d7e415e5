"""The engines there are, which of them are installed, and how to get at them.

Runtimes are imported only when asked for: a base install has ONNX Runtime alone, and a start
with a stored verdict imports the chosen one alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module, metadata
from typing import Final, cast

from inference_service.detector.engines.engine import Variant
from inference_service.detector.engines.names import FamilyName

__all__ = ["FAMILIES", "Family", "variants", "version"]


@dataclass(frozen=True)
class Family:
    """A runtime and the module that serves it."""

    package: str
    """Name of the distribution whose version counts."""
    module: str
    """Has ``variants() -> tuple[Variant, ...]``."""
    install: str
    """What brings it."""


_HERE: Final = "inference_service.detector.engines"
FAMILIES: Final[dict[FamilyName, Family]] = {
    "onnx": Family("onnxruntime", f"{_HERE}.onnx_runtime", "pip install 'atomloop[inference]'"),
    "openvino": Family(
        "openvino", f"{_HERE}.openvino_runtime.cpu", "pip install 'atomloop[openvino]'"
    ),
    "torch": Family("torch", f"{_HERE}.torch_cuda", "pip install 'atomloop[gpu]'"),
}


def version(family: FamilyName) -> str | None:
    """Return the installed version of a runtime, without importing it; None where there is none."""
    try:
        return metadata.version(FAMILIES[family].package)
    except metadata.PackageNotFoundError:
        return None


def variants(family: FamilyName) -> Sequence[Variant]:
    """Import a runtime and list what it can do on this host.

    Raises:
        ImportError: It is not installed, or broken.
    """
    return cast("Sequence[Variant]", import_module(FAMILIES[family].module).variants())
