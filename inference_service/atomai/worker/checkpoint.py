"""Read the checkpoints that AtomAI writes, as data.

They are PyTorch archives with a pickled description. Only tensors and plain containers are let
through (`weights_only`); an optimiser, which AtomAI stores beside the weights of a single model,
is read as an inert shape and dropped. Anything else that would run code is refused by name.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from atomai.nets import init_fcnn_model
from atomai.utils import get_downsample_factor

from .refusal import RefusedError

__all__ = ["Checkpoint", "read_checkpoint"]

NETWORKS: Final = ("Unet", "dilnet", "SegResNet", "ResHedNet")
STRUCTURE: Final = (
    "batch_norm",
    "dropout",
    "upsampling",
    "with_dilation",
    "nb_filters",
    "layers",
)
"""What decides a network's layers besides its name and its number of classes."""
SAVE_AGAIN: Final = (
    "Load it with AtomAI where you trust it, and save the segmentation model again with "
    "`save_model` or `save_ensemble_metadict`."
)
Weights = dict[str, Any]


class _Dropped:
    """Takes an optimiser's place while a checkpoint is read."""

    def __setstate__(self, state: object) -> None:
        """Forget it."""


def _plain_dict(*_: object) -> dict[Any, Any]:
    """Take the place of `defaultdict`, in which optimisers keep their state."""
    return {}


OPTIMISERS: Final = "torch.optim."
HARMLESS: Final = frozenset({"builtins.dict", "collections.defaultdict"})
CONTAINERS: Final = (dict, (_plain_dict, "collections.defaultdict"))


@dataclass(frozen=True)
class Checkpoint:
    """A segmentation model or an ensemble of them."""

    network: str
    """AtomAI's name of the network."""
    classes: int
    """Channels of its output, background included (1: no background channel)."""
    structure: dict[str, Any]
    """Further arguments that make the network."""
    members: tuple[Weights, ...]

    def skeleton(self) -> Any:
        """Return a new network of this structure, untrained."""
        return init_fcnn_model(self.network, self.classes, **self.structure)[0]

    def trained(self, member: int) -> Any:
        """Return a member, ready to predict.

        Raises:
            RefusedError: The weights do not fit the structure the checkpoint states.
        """
        network = self.skeleton()
        try:
            network.load_state_dict(self.members[member])
        except RuntimeError as error:
            raise RefusedError(
                f"The weights of member {member + 1} do not fit the {self.network} that the "
                f"checkpoint describes: {str(error).splitlines()[-1].strip()}",
                "Name the file that AtomAI wrote, unchanged.",
            ) from error
        return network.eval()

    def multiple_px(self) -> int:
        """Return what both sides of an image must divide by."""
        factor: float = get_downsample_factor(self.skeleton())
        return round(factor)


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint without running anything that it holds.

    Raises:
        RefusedError: It is no AtomAI segmentation model, or needs code to be run.
    """
    content = _load(path)
    if not isinstance(content, dict) or "weights" not in content:
        raise RefusedError(f"{path.name} holds no AtomAI model.", SAVE_AGAIN)
    if content.get("model_type") != "seg" or content.get("model") not in NETWORKS:
        kind = content.get("model_type"), content.get("model")
        raise RefusedError(
            f"{path.name} holds {kind[0]!r} of network {kind[1]!r}; only segmentation models of "
            f"{', '.join(NETWORKS)} can be served.",
            "Import a model that AtomAI's Segmentor or EnsembleTrainer trained.",
        )
    weights = content["weights"]
    single = all(isinstance(name, str) for name in weights)
    return Checkpoint(
        network=content["model"],
        classes=int(content["nb_classes"]),
        structure={name: content[name] for name in STRUCTURE if content.get(name) is not None},
        members=(weights,) if single else tuple(weights.values()),
    )


def _load(path: Path) -> Any:
    """Unpack the archive; only tensors, containers and numbers come out."""
    try:
        asked = torch.serialization.get_unsafe_globals_in_checkpoint(path)
        inert = [(_Dropped, name) for name in asked if name.startswith(OPTIMISERS)]
        _refuse_code(path, asked)
        with torch.serialization.safe_globals([*CONTAINERS, *inert]):
            return torch.load(path, map_location="cpu", weights_only=True)  # noqa: TID251 - as data
    except OSError as error:
        raise RefusedError(
            f"{path} cannot be read: {error.strerror}.", "Name a readable file."
        ) from None
    except RefusedError:
        raise
    except Exception as error:  # the unpickler raises a class of its own
        raise RefusedError(
            f"{path.name} is not a checkpoint of tensors alone.", SAVE_AGAIN
        ) from error


def _refuse_code(path: Path, asked: list[str]) -> None:
    """Refuse a checkpoint that names anything but containers and optimisers."""
    foreign = [name for name in asked if name not in HARMLESS and not name.startswith(OPTIMISERS)]
    if foreign:
        raise RefusedError(f"Reading {path.name} would run {', '.join(foreign)}.", SAVE_AGAIN)
