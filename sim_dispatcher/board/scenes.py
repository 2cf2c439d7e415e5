"""The frames whose atoms are kept for cutting."""

from __future__ import annotations

from collections import OrderedDict

from sim_dispatcher.selection import Scene

__all__ = ["Scenes"]


class Scenes:
    """The latest frames of a session.

    Args:
        kept: How many; a defect last seen before them is cut when it is seen again.
    """

    def __init__(self, kept: int) -> None:
        self._kept = kept
        self._scenes: OrderedDict[str, Scene] = OrderedDict()
        self._newest: Scene | None = None

    @property
    def newest(self) -> Scene | None:
        """The frame of the highest number; a frame that comes late does not become it."""
        return self._newest

    def __contains__(self, frame: object) -> bool:
        """Whether a frame is kept."""
        return frame in self._scenes

    def get(self, frame: str) -> Scene | None:
        """Return a frame by its name, None where it is forgotten."""
        return self._scenes.get(frame)

    def add(self, scene: Scene) -> bool:
        """Keep a frame; the one taken in earliest goes.

        Returns:
            Whether it is news: not the same model's word on a frame that is kept already.
        """
        known = self._scenes.get(scene.header.frame)
        if known is not None and known.header.model == scene.header.model:
            return False
        self._scenes[scene.header.frame] = scene
        newest = self._newest
        if newest is None or scene.header.frame_index >= newest.header.frame_index:
            self._newest = scene
        while len(self._scenes) > self._kept:
            self._scenes.popitem(last=False)
        return True

    def clear(self) -> None:
        """Forget everything: another session begins."""
        self._scenes.clear()
        self._newest = None
