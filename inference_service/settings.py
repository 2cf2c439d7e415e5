"""The settings tree of inference_service: ``ATOMLOOP_INFERENCE_…`` and one TOML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from inference_service.detector.engines.names import EngineWish
from shared.settings import LogSettings, Section, ServiceSettings

__all__ = [
    "DetectorSettings",
    "HttpSettings",
    "InferenceSettings",
    "LinkSettings",
    "SessionSettings",
]

Port = Annotated[int, Field(ge=0, le=65535)]
Positive = Annotated[int, Field(ge=1)]


class HttpSettings(Section):
    """REST, live view and dashboard."""

    host: str = "127.0.0.1"
    """Address to listen on; anything but loopback needs `behind_tls_proxy` and `key_file`."""
    port: Port = 8600
    """0 takes a free port."""
    key_file: Path | None = None
    """File (mode 0600) holding the API key; made if missing. None: a new key at each start."""
    reader_key_file: Path | None = None
    """File (mode 0600) holding a second key that may look at everything and order nothing; made
    if missing. None: there is no such key."""
    behind_tls_proxy: bool = False
    """The operator's word that a TLS proxy stands in front of a non-loopback address."""
    allowed_hosts: tuple[str, ...] = ("127.0.0.1", "localhost", "[::1]")
    """Host names (without port) that requests may be addressed to."""
    max_clients: Annotated[int, Field(ge=1, le=1000)] = 64
    """Live views at a time; each costs one socket and at most `live_window` messages."""
    live_window: Annotated[int, Field(ge=1, le=4)] = 2
    """Frames a live view may have unpainted; beyond it only the newest waits."""
    max_page: Annotated[int, Field(ge=1, le=10_000)] = 500
    """Largest `limit` a list endpoint accepts."""


class LinkSettings(Section):
    """The frame link, on which edge and dispatcher dial in."""

    host: str = "127.0.0.1"
    port: Port = 8601
    """0 takes a free port."""
    key_file: Path | None = None
    """This service's CURVE secret key, mode 0600."""
    authorized_dir: Path | None = None
    """Folder of the public keys that may dial in."""
    window_frames: Annotated[int, Field(ge=1, le=256)] = 2
    """Credit: frames an edge may have unanswered; one is looked at, the others age."""
    max_frame_bytes: Positive = 512 * 2**20
    """Largest decoded frame accepted: the side of 16384 px at uint16."""


class DetectorSettings(Section):
    """The ensemble that looks at frames."""

    model_dir: Path | None = None
    """Folder of the ensemble; None: the shipped one."""
    threads: Annotated[int, Field(ge=0, le=256)] = 0
    """Threads of the engine; 0: one for each core this process may use."""
    engine: EngineWish = "auto"
    """`auto` takes the fastest engine that is installed and agrees with ONNX Runtime in fp32."""
    cache_dir: Path | None = None
    """Folder of the engines' stored measurements; None: `atomloop` in the user's cache folder."""


class SessionSettings(Section):
    """What the live session keeps in memory; every list has a bound."""

    ring_frames: Annotated[int, Field(ge=1, le=100_000)] = 64
    """Frames kept with their pixels, newest first to stay."""
    ring_bytes: Positive = 512 * 2**20
    """Bytes of pixels and atoms kept; the ring shrinks below `ring_frames` to honour it."""
    max_rois: Positive = 4096
    max_jobs: Positive = 16_384
    max_answers: Positive = 4096
    max_file_bytes: Positive = 256 * 2**20
    """Bytes of the files attached to answers kept, over all answers; the oldest go first."""
    max_patch_bytes: Positive = 64 * 2**20
    """Bytes of the pixels about ROIs kept, to be compared with what was computed."""
    max_orders: Positive = 1024
    """The operator's orders kept, with what became of them."""


class InferenceSettings(ServiceSettings):
    """Everything an operator can set on inference_service."""

    model_config = SettingsConfigDict(env_prefix="ATOMLOOP_INFERENCE_")

    http: HttpSettings = HttpSettings()
    link: LinkSettings = LinkSettings()
    detector: DetectorSettings = DetectorSettings()
    session: SessionSettings = SessionSettings()
    log: LogSettings = LogSettings()
