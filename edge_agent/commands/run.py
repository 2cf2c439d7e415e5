"""`edge-agent run`: acquire live."""

from __future__ import annotations

from typing import Annotated

import typer

from edge_agent.arguments import Config, Endpoint, KeyFile, ServerKey, override, with_link
from edge_agent.settings import EdgeSettings
from edge_agent.streaming import stream_to_the_end
from shared.command_line import plain_errors
from shared.settings import load_settings

__all__ = ["run"]


def run(
    config: Config = None,
    endpoint: Endpoint = None,
    server_key: ServerKey = None,
    key_file: KeyFile = None,
    dwell_time: Annotated[
        float | None, typer.Option(help="Dwell time per pixel, µs.", min=0.01)
    ] = None,
    beam_current: Annotated[float | None, typer.Option(help="Probe current, pA.", min=0.01)] = None,
    field_of_view: Annotated[
        float | None, typer.Option(help="Edge of the scanned square, Å.", min=1)
    ] = None,
    pixels: Annotated[
        int | None, typer.Option(help="Rows and columns of a frame.", min=32, max=4096)
    ] = None,
) -> None:
    """Acquire live, until Ctrl-C, from the source that the settings choose (default: Nion).

    Dwell time, current and field of view together make the dose: 4 µs, 180 pA and 93.184 Å on
    896 pixels are 4.2e5 electrons per Å² and frame. Frames that the link cannot take in time are
    skipped and counted; acquisition never waits.
    """
    with plain_errors("edge-agent"):
        settings = with_link(load_settings(EdgeSettings, config), endpoint, server_key, key_file)
        nion = override(
            settings.source.nion,
            dwell_time_us=dwell_time,
            beam_current_pA=beam_current,
            field_of_view_A=field_of_view,
            pixels=pixels,
        )
        source = settings.source.model_copy(update={"nion": nion})
        stream_to_the_end(settings.model_copy(update={"source": source}))
