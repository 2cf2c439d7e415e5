"""A session on a clock that only tests move, and the real application around it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np
import pytest
import uvicorn
from fastapi import FastAPI

from inference_service.api.app_factory import create_app
from inference_service.api.keys import KeyRing, new_key
from inference_service.api.serving import server_config
from inference_service.readiness import Dependency
from inference_service.session import Session
from inference_service.settings import HttpSettings
from shared.messages import (
    ATOM,
    Acquisition,
    Answer,
    Atoms,
    BondStatistics,
    Calibration,
    Defect,
    Frame,
    Job,
    OutOfDistribution,
    Provenance,
    Roi,
    SimulationResult,
    StageTimes,
)

MODEL = "ab" * 32
HOST = "127.0.0.1"


class ManualClock:
    """Stands still until told otherwise."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def monotonic_s(self) -> float:
        return self.now_s

    def wall_ns(self) -> int:
        return 1_800_000_000_000_000_000 + int(self.now_s * 1e9)


class Make:
    """Messages with plain values; each call states what matters to its test."""

    def frame(self, index: int = 0, *, session: str = "sitting-1", pixel_A: float = 0.1) -> Frame:
        return Frame(
            session=session,
            index=index,
            name=self.name(index, session),
            previous=None,
            shape=(6, 9),
            pixel_type="uint16",
            codec="raw",
            calibration=Calibration(pixel_size_A=pixel_A, source="header"),
            acquisition=Acquisition(
                instrument="scope", started_at_ns=10, ended_at_ns=20, origin="file"
            ),
        )

    def name(self, index: int, session: str = "sitting-1") -> str:
        return f"{session.encode().hex()[:20]:0<20}{index:044x}"

    def pixels(self, index: int = 0) -> np.ndarray:
        return (np.arange(54, dtype=np.uint16) * 10 + index).reshape(6, 9)

    def table(self) -> np.ndarray:
        table = np.zeros(3, ATOM)
        table["x_px"], table["y_px"] = [1.25, 7.5, 4.0], [2.5, 0.75, 5.0]
        table["sigma_x_px"], table["sigma_y_px"] = [0.03, 0.06, 0.3], [0.04, 0.08, 0.4]
        table["x_fit_px"], table["y_fit_px"] = table["x_px"], table["y_px"]
        table["sigma_fit_px"] = [0.05, 0.1, 0.5]
        table["p"] = [0.99, 0.75, 0.25]
        table["atomic_number"] = [6, 14, 0]
        table["coordination"] = [3, 3, 1]
        return table

    def atoms(self, frame: Frame, n_atoms: int = 3) -> Atoms:
        return Atoms(
            session=frame.session,
            frame=frame.name,
            frame_index=frame.index,
            shape=frame.shape,
            model=MODEL,
            members=4,
            n_atoms=n_atoms,
            pixel_size_A=0.2,
            pixel_size_source="fft",
            header_pixel_size_A=0.1,
            dose_e_A2=4.5e5,
            contamination=0.25,
            ood=OutOfDistribution(score=0.5, flag=False),
            drift_A=(1.5, -0.5),
            times=StageTimes(queue_ms=1, detect_ms=200, refine_ms=50, classify_ms=5),
        )

    def defects(self) -> list[Defect]:
        return [Defect(type="Si_C3", x_px=7.5, y_px=0.75, p=0.875, atoms=(1,))]

    def roi(self, key: str = "roi-1", state: str = "queued", **fields: object) -> Roi:
        values = {
            "key": key,
            "state": state,
            "defect": self.defects()[0],
            "frame": self.name(0),
            "frame_index": 0,
            "x_A": 1.5,
            "y_A": 0.15,
            "radius_A": 6.0,
            "updated_at_ns": 30,
        }
        return Roi(**{**values, **fields})

    def job(self, key: str = "job-1", roi: str = "roi-1", state: str = "running") -> Job:
        return Job(key=key, roi=roi, recipe="relax", level="gfn1", state=state, updated_at_ns=31)

    def answer(self, job: str = "job-1", roi: str = "roi-1", level: str = "gfn1") -> Answer:
        return Answer(
            roi=roi,
            job=job,
            result=SimulationResult(
                recipe="relax",
                level=level,
                energy_eV=-100.5,
                formation_eV=None,
                reference=None,
                bonds_A={"C-Si": BondStatistics(mean=1.75, min=1.7, max=1.8, n=3)},
                rings={"before": {"6": 1}, "after": {"6": 1}},
                converged=True,
                steps=12,
                fmax_eV_A=0.01,
                wall_s=3.0,
                cpu_s=2.9,
            ),
            provenance=Provenance(
                frame=self.name(0), model=MODEL, structure="cd" * 32, software="test 0"
            ),
            finished_at_ns=40,
        )


@dataclass
class Service:
    """The application with its parts within reach."""

    session: Session
    clock: ManualClock
    keys: KeyRing
    api_key: str
    app: FastAPI
    dependencies: list[Dependency] = field(default_factory=list)

    def show(self, make: Make, index: int = 0, session: str = "sitting-1") -> str:
        """Feed an analysed frame."""
        frame = make.frame(index, session=session)
        self.session.add_frame(frame, make.pixels(index))
        self.session.add_atoms(make.atoms(frame), make.table(), make.defects())
        return frame.name

    def client(self, **options: object) -> httpx.AsyncClient:
        """A client that sends the API key, in process."""
        headers = {"authorization": f"Bearer {self.api_key}"}
        return self.stranger(**{"headers": headers, **options})

    def stranger(self, **options: object) -> httpx.AsyncClient:
        """A client without a key, in process."""
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        return httpx.AsyncClient(
            **{"transport": transport, "base_url": f"http://{HOST}", **options}
        )


@pytest.fixture
def make() -> Make:
    return Make()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    """A built dashboard of two files."""
    (tmp_path / "dist" / "assets").mkdir(parents=True)
    (tmp_path / "dist" / "index.html").write_text("<!doctype html><title>dashboard</title>")
    (tmp_path / "dist" / "assets" / "app-0123.js").write_text("export {};" + " " * 2000)
    return tmp_path / "dist"


@pytest.fixture
def new_service(clock: ManualClock, dist: Path) -> Callable[..., Service]:
    """Build a service with given HTTP settings."""

    def build(reader_key: str | None = None, **settings: object) -> Service:
        session, api_key = Session(clock=clock), new_key()
        keys = KeyRing(api_key, clock, reader_key)
        dependencies: list[Dependency] = []
        app = create_app(
            session,
            HttpSettings(**{"port": 0, **settings}),
            keys=keys,
            readiness=lambda: dependencies,
            dist=dist,
        )
        return Service(session, clock, keys, api_key, app, dependencies)

    return build


@pytest.fixture
def service(new_service: Callable[..., Service]) -> Service:
    return new_service()


@pytest.fixture
async def client(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    async with service.client() as client:
        yield client


@pytest.fixture
async def stranger(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    async with service.stranger() as client:
        yield client


@pytest.fixture
async def address(service: Service) -> AsyncIterator[str]:
    """The service on a real loopback socket, on the test's own event loop: host and port."""
    server = uvicorn.Server(server_config(service.app, HttpSettings(port=0)))
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0)
    yield f"{HOST}:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await task
