"""The demo's source of frames, from the words of `SOURCE=…`."""

from __future__ import annotations

import argparse
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from deploy.demo.failure import DemoError
from deploy.demo.settings_file import Tree

__all__ = ["Source", "parse_source"]

REMEDY = (
    'Use SOURCE=nion, or SOURCE="replay PATH… [--pixel-size Å] [--rate FRAMES_PER_S] [--loop]".'
)


@dataclass(frozen=True, slots=True)
class Source:
    """Where frames come from.

    Attributes:
        kind: `nion` or `replay`.
        paths: Files and folders to replay.
        pixel_size_A: Pixel size that overrides the files' own, Å.
        rate_per_s: Frames a second at most.
        loop: Whether to start again after the last file.
    """

    kind: str = "nion"
    paths: tuple[Path, ...] = ()
    pixel_size_A: float | None = None
    rate_per_s: float | None = None
    loop: bool = False

    @property
    def ends(self) -> bool:
        """Whether frames come to an end by themselves."""
        return self.kind == "replay" and not self.loop

    def settings(self) -> Tree:
        """Return the `source` branch of edge_agent's settings."""
        if self.kind == "nion":
            return {"kind": "nion"}
        replay: Tree = {
            "paths": [str(path) for path in self.paths],
            "pixel_size_A": self.pixel_size_A,
            "rate_per_s": self.rate_per_s,
            "loop": self.loop,
        }
        return {"kind": "replay", "replay": replay}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise DemoError(f"SOURCE is wrong: {message}.", REMEDY)


def parse_source(words: str) -> Source:
    """Read the words of `SOURCE`; wildcards are expanded.

    Raises:
        DemoError: The words make no sense, or a path does not exist.
    """
    parser = _Parser(prog="SOURCE", add_help=False)
    parser.add_argument("kind", choices=("nion", "replay"))
    parser.add_argument("paths", nargs="*")
    parser.add_argument("--pixel-size", type=float)
    parser.add_argument("--rate", type=float)
    parser.add_argument("--loop", action="store_true")
    found = parser.parse_args(shlex.split(words))
    if (found.kind == "replay") != bool(found.paths):
        parser.error("replay needs paths, nion takes none")
    paths = tuple(path for pattern in found.paths for path in _expand(pattern))
    return Source(found.kind, paths, found.pixel_size, found.rate, found.loop)


def _expand(pattern: str) -> list[Path]:
    start = Path(Path(pattern).anchor)
    found = sorted(path.resolve() for path in start.glob(str(Path(pattern).relative_to(start))))
    if not found:
        raise DemoError(f"SOURCE names {pattern}, which does not exist.", REMEDY)
    return found
