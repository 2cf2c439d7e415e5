"""The folder that is shipped: one ONNX file per member and a manifest with their digests."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from inference_service.detector.heads import (
    INPUT_MULTIPLE_PX,
    INPUT_NAME,
    OUTPUT_NAME,
    SPECIES,
    STRIDE_PX,
    Channel,
)
from inference_service.detector.normalise import CANONICAL_PIXEL_A
from inference_service.training.recipe import Recipe
from inference_service.training.specimen import HELD_OUT, training_families

__all__ = ["MANIFEST", "add_member", "ensemble_digest", "member_file"]

MANIFEST = "manifest.json"


def member_file(member: int) -> str:
    """Name the file of a member, counted from 1."""
    return f"member-{member:02d}.onnx"


def ensemble_digest(member_digests: list[str]) -> str:
    """Return the SHA-256 of the members' SHA-256 digests (hexadecimal, joined by newlines)."""
    return hashlib.sha256("\n".join(member_digests).encode()).hexdigest()


def add_member(folder: Path, member: int, seed: int, content: bytes, recipe: Recipe) -> None:
    """Write a member and bring the manifest up to date.

    Args:
        folder: of the ensemble; made if absent.
        member: number of the member, from 1.
        seed: it was trained with.
        content: its ONNX file.
        recipe: it was trained by; the manifest names one recipe, so all members share it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    name = member_file(member)
    (folder / name).write_bytes(content)
    entry = {"file": name, "sha256": hashlib.sha256(content).hexdigest(), "seed": seed}
    path = folder / MANIFEST
    known = json.loads(path.read_text())["members"] if path.exists() else []
    members = sorted([m for m in known if m["file"] != name] + [entry], key=lambda m: m["file"])
    manifest = {
        "name": folder.name,
        "members": members,
        "digest": ensemble_digest([m["sha256"] for m in members]),
        "input": {
            "name": INPUT_NAME,
            "output": OUTPUT_NAME,
            "multiple_px": INPUT_MULTIPLE_PX,
            "stride_px": STRIDE_PX,
            "channels": [channel.name.lower() for channel in Channel],
            "species": list(SPECIES),
        },
        "canonical_pixel_A": CANONICAL_PIXEL_A,
        "recipe": recipe.as_dict(),
        "families": sorted(training_families()),
        "held_out_families": sorted(HELD_OUT),
    }
    draft = path.with_suffix(".tmp")
    draft.write_text(json.dumps(manifest, indent=2) + "\n")
    draft.replace(path)
