"""`edge-agent replay`: image files through the live loop."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edge_agent.arguments import Config, Endpoint, KeyFile, ServerKey, override, with_link
from edge_agent.settings import EdgeSettings
from edge_agent.streaming import stream_to_the_end
from shared.command_line import plain_errors
from shared.settings import load_settings

__all__ = ["replay"]


def replay(
    paths: Annotated[
        list[Path],
        typer.Argument(help="Image files, and folders of them, in the order to stream."),
    ],
    config: Config = None,
    endpoint: Endpoint = None,
    server_key: ServerKey = None,
    key_file: KeyFile = None,
    pixel_size: Annotated[
        float | None,
        typer.Option(help="Pixel size, Å; overrides what the files say.", min=0.002, max=99),
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(help="Frames per second at most; default: as fast as answered.", min=0.001),
    ] = None,
    loop: Annotated[bool, typer.Option("--loop", help="Start again after the last file.")] = False,
) -> None:
    """Stream image files through the live loop: HDF5, npy, npz, tif, dm3, dm4, emd, ser, png.

    Names are taken in natural order (frame2 before frame10). A file that cannot be read is
    reported with cause and remedy, and the others go on; the exit code is then 1. Ends when every
    frame is answered.
    """
    with plain_errors("edge-agent"):
        settings = with_link(load_settings(EdgeSettings, config), endpoint, server_key, key_file)
        chosen = override(
            settings.source.replay,
            paths=tuple(paths),
            pixel_size_A=pixel_size,
            rate_per_s=rate,
            loop=loop or None,
        )
        source = settings.source.model_copy(update={"kind": "replay", "replay": chosen})
        stream_to_the_end(settings.model_copy(update={"source": source}))
