"""The names under which engines are asked for."""

from __future__ import annotations

from typing import Literal

__all__ = ["EngineWish", "FamilyName"]

FamilyName = Literal["onnx", "openvino", "torch"]
"""A runtime."""
EngineWish = Literal["auto", "onnx", "openvino", "torch"]
"""What an operator may ask for; ``auto``: the fastest accurate one that is installed."""
