"""Command line of `edge-agent`."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Annotated, TypeVar

import typer
from pydantic import BaseModel, ValidationError

from edge_agent.app import stream
from edge_agent.doctor import examine
from edge_agent.intake import Failure
from edge_agent.settings import EdgeSettings
from edge_agent.sources.catalogue import open_source
from shared.clock import SystemClock
from shared.errors import AtomLoopError, ConfigurationError
from shared.listing import listing
from shared.logs import configure_logs
from shared.settings import load_settings
from shared.transport import create_keys

__all__ = ["app"]

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Config = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="TOML file; see what `edge-agent config` prints."),
]
LinkEndpoint = Annotated[
    str | None,
    typer.Option(help="Frame link of the inference service, tcp://HOST:PORT.", metavar="URL"),
]
ServerKey = Annotated[
    Path | None, typer.Option(help="File with the service's public key (NAME.key).")
]
KeyFile = Annotated[
    Path | None, typer.Option(help="This edge's secret key (NAME.key_secret), mode 0600.")
]


@app.callback()
def main() -> None:
    """Acquire frames beside the microscope and stream them to the inference service.

    First `edge-agent keys FOLDER`, then have the service authorise the public key, then
    `edge-agent run`. Every setting can also come from the environment, for example
    ATOMLOOP_EDGE_SOURCE__NION__DWELL_TIME_US=4.
    """
    signal.signal(signal.SIGTERM, _end)


@app.command()
def run(
    config: Config = None,
    endpoint: LinkEndpoint = None,
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

    Dwell time, current and field of view together make the dose: 4 µs, 180 pA and 93.18 Å on
    896 pixels are 4.2e5 electrons per Å² and frame. Frames that the link cannot take in time are
    skipped and counted; acquisition never waits.
    """
    with _plain_errors():
        settings = _with_link(load_settings(EdgeSettings, config), endpoint, server_key, key_file)
        nion = _override(
            settings.source.nion,
            dwell_time_us=dwell_time,
            beam_current_pA=beam_current,
            field_of_view_A=field_of_view,
            pixels=pixels,
        )
        source = settings.source.model_copy(update={"nion": nion})
        _stream(settings.model_copy(update={"source": source}))


@app.command()
def replay(
    paths: Annotated[
        list[Path],
        typer.Argument(help="Image files, and folders of them, in the order to stream."),
    ],
    config: Config = None,
    endpoint: LinkEndpoint = None,
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
    with _plain_errors():
        settings = _with_link(load_settings(EdgeSettings, config), endpoint, server_key, key_file)
        chosen = _override(
            settings.source.replay,
            paths=tuple(paths),
            pixel_size_A=pixel_size,
            rate_per_s=rate,
            loop=loop or None,
        )
        source = settings.source.model_copy(update={"kind": "replay", "replay": chosen})
        _stream(settings.model_copy(update={"source": source}))


@app.command()
def doctor(config: Config = None) -> None:
    """Check Python, packages, keys and the way to the service; say how to mend what is wrong."""
    with _plain_errors():
        findings = examine(load_settings(EdgeSettings, config))
    for finding in findings:
        typer.echo(f"{'ok  ' if finding.well else 'BAD '} {finding.subject}: {finding.detail}")
        if not finding.well:
            typer.echo(f"     Remedy: {finding.remedy}")
    if not all(finding.well for finding in findings):
        raise typer.Exit(1)


@app.command("config")
def show_config(
    config: Config = None,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON schema instead.")
    ] = False,
) -> None:
    """Print the settings in force as TOML: defaults, file and environment together."""
    with _plain_errors():
        settings = load_settings(EdgeSettings, config)
    if schema:
        typer.echo(json.dumps(EdgeSettings.model_json_schema(), indent=2, ensure_ascii=False))
    else:
        typer.echo(listing(settings), nl=False)


@app.command()
def keys(
    folder: Annotated[Path, typer.Argument(help="Where to put NAME.key and NAME.key_secret.")],
    name: Annotated[str, typer.Option(help="NAME of the key pair.")] = "edge",
) -> None:
    """Make this edge's key pair; the public half goes to the service, the secret one stays."""
    with _plain_errors():
        secret = create_keys(folder, name)
    public = secret.with_name(f"{name}.key")
    typer.echo(f"Secret key, keep it here: {secret}")
    typer.echo(f"Public key, copy it into the service's authorized/edge folder: {public}")


def _stream(settings: EdgeSettings) -> None:
    configure_logs(settings.log)
    clock = SystemClock()
    source = open_source(settings.source, clock)
    failures = asyncio.run(stream(source, settings, clock))
    if failures:
        _list(failures)
        raise typer.Exit(1)


def _list(failures: tuple[Failure, ...]) -> None:
    typer.echo(f"{len(failures)} input(s) gave no atoms:", err=True)
    for failure in failures:
        typer.echo(f"  {failure.origin}: {failure.reason}", err=True)


def _with_link(
    settings: EdgeSettings, endpoint: str | None, server_key: Path | None, key_file: Path | None
) -> EdgeSettings:
    link = _override(settings.link, endpoint=endpoint, server_key=server_key, key_file=key_file)
    return settings.model_copy(update={"link": link})


S = TypeVar("S", bound=BaseModel)


def _override(section: S, **given: object) -> S:
    """Let arguments win over file and environment; None means not given."""
    wanted = {key: value for key, value in given.items() if value is not None}
    try:
        return type(section).model_validate(section.model_dump() | wanted)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ConfigurationError(
            f"--{str(first['loc'][0]).replace('_', '-')}: {first['msg']}.",
            remedy="See --help for what it takes.",
        ) from error


@contextlib.contextmanager
def _plain_errors() -> Iterator[None]:
    """Turn what the operator can mend into one line and a non-zero exit."""
    try:
        yield
    except AtomLoopError as error:
        typer.echo(f"edge-agent: {error}", err=True)
        raise typer.Exit(1) from error
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


def _end(number: int, frame: FrameType | None) -> None:
    """SIGTERM before or after streaming; while streaming the loop takes it."""
    del number, frame
    sys.exit(0)
