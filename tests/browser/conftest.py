"""A synthetic sitting, served by the real application, seen through Debian's Chromium."""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest
import uvicorn
from numpy.typing import NDArray

from inference_service.api import pages
from inference_service.api.app_factory import create_app
from inference_service.api.keys import KeyRing, new_key
from inference_service.api.serving import server_config
from inference_service.readiness import Dependency
from inference_service.session import Session
from inference_service.settings import HttpSettings
from shared.clock import SystemClock
from shared.messages import (
    ATOM,
    Acquisition,
    Answer,
    Atoms,
    AtomTable,
    BondStatistics,
    Calibration,
    Defect,
    DispatcherStatus,
    EdgeStatus,
    Frame,
    Job,
    OutOfDistribution,
    Provenance,
    Reference,
    Roi,
    SimulationResult,
    StageTimes,
)
from tests.browser.chemist import Chemist

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page, Response

SIDE_PX = 384
PIXEL_A = 0.104
MODEL = "ab" * 32
DRIFT_A_PER_FRAME = (0.21, -0.13)  # row, column
EXTXYZ_HEADER = 'Properties=species:S:1:pos:R:3 pbc="F F F"'
BOUND_MS = 60_000
"""Only a fault takes this long."""
CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
)


class HastyClock(SystemClock):
    """The machine's clock, put forward at will."""

    ahead_s = 0.0

    def monotonic_s(self) -> float:
        return super().monotonic_s() + self.ahead_s


class Scene:
    """Graphene with silicon and a vacancy that drifts: image, atoms, ROIs and an answer.

    Positions are in the sample frame, Å; frame `index` sees them moved by its drift.
    """

    def __init__(self, session: Session, seed: int = 7) -> None:
        self.session = session
        self.side_px = SIDE_PX
        self.random = np.random.default_rng(seed)
        self.clock = SystemClock()
        lattice = honeycomb(SIDE_PX * PIXEL_A + 8.0)
        centre = SIDE_PX * PIXEL_A / 2
        self.si3 = nearest(lattice, (centre - 9, centre - 6))
        self.si4 = nearest(lattice, (centre + 10, centre + 9))
        vacancy = nearest(lattice, (centre - 11, centre + 12))
        self.vacancy_xy = lattice[vacancy].copy()
        numbers = np.full(len(lattice), 6)
        numbers[[self.si3, self.si4]] = 14
        keep = np.arange(len(lattice)) != vacancy
        self.si3_xy, self.si4_xy = lattice[self.si3].copy(), lattice[self.si4].copy()
        self.xy_A, self.numbers = lattice[keep], numbers[keep]
        self.previous: str | None = None

    def drift_A(self, index: int) -> tuple[float, float]:
        """(row, column) of the frame's origin in the sample frame: there and back again."""
        swing = 20 - abs(20 - index % 40)
        return swing * DRIFT_A_PER_FRAME[0], swing * DRIFT_A_PER_FRAME[1]

    def show(self, index: int, *, pixel_A: float = PIXEL_A, session: str = "sitting-1") -> str:
        """Feed one frame, and its atoms, to the session; returns the frame's name."""
        row_A, column_A = self.drift_A(index)
        xy_px = (self.xy_A - (column_A, row_A)) / pixel_A
        inside = np.all((xy_px > 4) & (xy_px < SIDE_PX - 5), axis=1)
        pixels = image(xy_px[inside], self.numbers[inside], pixel_A, self.random)
        name = f"{index:064x}"
        now = self.clock.wall_ns()
        frame = Frame(
            session=session,
            index=index,
            name=name,
            previous=self.previous,
            shape=pixels.shape,
            pixel_type="uint16",
            codec="raw",
            calibration=Calibration(pixel_size_A=pixel_A, source="header"),
            acquisition=Acquisition(
                instrument="synthetic scope",
                high_tension_kV=60,
                dwell_time_us=16,
                beam_current_pA=45,
                dose_e_A2=4.2e5,
                started_at_ns=now - 300_000_000,
                ended_at_ns=now - 20_000_000,
                origin=f"synthetic-{index:04d}",
            ),
        )
        self.session.add_frame(frame, pixels)
        self.previous = name
        self.analyse(frame, xy_px[inside], self.numbers[inside], pixel_A)
        return name

    def analyse(
        self, frame: Frame, xy_px: NDArray[np.float64], numbers: NDArray[np.int64], pixel_A: float
    ) -> None:
        """Feed the atoms of a frame."""
        table = atom_table(xy_px, numbers, self.random)
        row_A, column_A = self.drift_A(frame.index)

        def defect(kind: str, xy_A: NDArray[np.float64], p: float) -> Defect:
            x, y = (xy_A - (column_A, row_A)) / pixel_A
            near = np.hypot(table["x_px"] - x, table["y_px"] - y) < 3.0
            return Defect(type=kind, x_px=x, y_px=y, p=p, atoms=tuple(np.flatnonzero(near)))

        atoms = Atoms(
            session=frame.session,
            frame=frame.name,
            frame_index=frame.index,
            shape=frame.shape,
            model=MODEL,
            members=20,
            n_atoms=len(table),
            pixel_size_A=pixel_A,
            pixel_size_source="fft",
            header_pixel_size_A=pixel_A,
            dose_e_A2=4.2e5,
            contamination=0.03,
            cover_px=(((0, 0), (40, 0), (40, 60), (0, 60)),),
            ood=OutOfDistribution(score=0.31, flag=False),
            drift_A=self.drift_A(frame.index),
            times=StageTimes(queue_ms=4.1, detect_ms=212.0, refine_ms=88.0, classify_ms=9.2),
        )
        defects = [
            defect("Si_C3", self.si3_xy, 0.98),
            defect("Si_C4", self.si4_xy, 0.91),
            defect("V1", self.vacancy_xy, 0.88),
        ]
        self.session.add_atoms(atoms, table, defects)

    def roi(
        self, key: str, xy_A: NDArray[np.float64], kind: str, state: str, **more: object
    ) -> None:
        """Feed the word on a ROI."""
        self.session.apply(
            Roi(
                key=key,
                state=state,
                defect=Defect(type=kind, x_px=0, y_px=0, p=0.95),
                frame=f"{0:064x}",
                frame_index=0,
                seen_frames=3,
                x_A=xy_A[0],
                y_A=xy_A[1],
                radius_A=6.0,
                updated_at_ns=self.clock.wall_ns(),
                **more,
            )
        )

    def job(self, roi: str, level: str, state: str) -> None:
        """Feed the word on a job."""
        self.session.apply(
            Job(
                key=f"{roi}-relax-{level}",
                roi=roi,
                recipe="relax",
                level=level,
                state=state,
                firework=17,
                n_atoms=91,
                updated_at_ns=self.clock.wall_ns(),
            )
        )

    def answer(self, roi: str) -> None:
        """Feed an answer whose numbers are made up, and recognisable as such."""
        result = SimulationResult(
            recipe="relax",
            level="gfn1",
            energy_eV=-12345.678,
            formation_eV=1.234,
            reference=Reference(
                pristine_eV=-12350.0,
                mu_eV={"C": -50.0, "Si": -45.0},
                level="gfn1",
                note="C from pristine graphene, Si from silane (synthetic numbers)",
            ),
            bonds_A={
                "C-C": BondStatistics(mean=1.424, min=1.389, max=1.467, n=112),
                "C-Si": BondStatistics(mean=1.762, min=1.751, max=1.776, n=3),
                "C-H": BondStatistics(mean=1.089, min=1.087, max=1.092, n=22),
            },
            rings={"before": {"6": 24, "5": 1}, "after": {"6": 25}},
            converged=True,
            steps=57,
            fmax_eV_A=0.0093,
            wall_s=11.4,
            cpu_s=11.1,
        )
        structure = self.cluster()
        self.session.add_answer(
            Answer(
                roi=roi,
                job=f"{roi}-relax-gfn1",
                result=result,
                provenance=Provenance(
                    frame=f"{0:064x}", model=MODEL, structure="cd" * 32, software="synthetic 0"
                ),
                finished_at_ns=self.clock.wall_ns(),
            ),
            structure,
        )

    def cluster(self) -> str:
        """The atoms about the silicon as extended XYZ, the silicon raised."""
        near = np.hypot(*(self.xy_A - self.si3_xy).T) < 6.0
        lines = [
            f"{'Si' if number == 14 else 'C'} {x:.4f} {y:.4f} {0.5 if number == 14 else 0.0}"
            for (x, y), number in zip(self.xy_A[near], self.numbers[near], strict=True)
        ]
        return "\n".join((str(len(lines)), EXTXYZ_HEADER, *lines, ""))

    def peers(self, offered: int) -> None:
        """Feed what edge and dispatcher say of themselves."""
        self.session.apply(
            EdgeStatus(
                source="synthetic scope",
                state="acquiring",
                offered=offered,
                accepted=offered,
                skipped=0,
                unacknowledged=1,
            )
        )
        self.session.apply(
            DispatcherStatus(
                state="ready", levels=("gfnff", "gfn1"), jobs_waiting=1, jobs_running=1, jobs_done=1
            )
        )

    def everything(self) -> None:
        """Feed a whole sitting: peers, three frames, four ROIs, jobs, an answer."""
        self.peers(3)
        for index in range(3):
            self.show(index)
        self.roi("roi-si3", self.si3_xy, "Si_C3", "done")
        self.roi("roi-si4", self.si4_xy, "Si_C4", "running")
        self.roi("roi-v1", self.vacancy_xy, "V1", "queued", reason="waits for a free core")
        self.roi(
            "roi-edge",
            self.si3_xy + np.array([13.0, -3.0]),
            "unknown",
            "refused",
            reason="The cut-out would cross the frame's border; move the field of view.",
        )
        self.job("roi-si3", "gfn1", "done")
        self.job("roi-si4", "gfn1", "running")
        self.job("roi-v1", "gfn1", "queued")
        self.answer("roi-si3")


def honeycomb(side_A: float) -> NDArray[np.float64]:
    """(n, 2) x, y in Å of a graphene sheet turned by 11 degrees that covers a square."""
    a, turn = 2.46, np.deg2rad(11)
    count = int(side_A / a) + 6
    i, j = np.meshgrid(np.arange(-count, count), np.arange(-count, count))
    cells = np.stack([i * a + j * a / 2, j * a * np.sqrt(3) / 2], -1).reshape(-1, 2)
    sites = np.concatenate([cells, cells + np.array([0.0, a / np.sqrt(3)])])
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    sites = sites @ rotation + side_A / 2 - 4.0
    return sites[np.all((sites > -4) & (sites < side_A), axis=1)]


def nearest(sites: NDArray[np.float64], xy: tuple[float, float]) -> int:
    """Index of the site nearest to a point."""
    return int(np.argmin(np.hypot(*(sites - xy).T)))


def image(
    xy_px: NDArray[np.float64],
    numbers: NDArray[np.int64],
    pixel_A: float,
    random: np.random.Generator,
) -> NDArray[np.uint16]:
    """A HAADF-like image with shot noise: one Gaussian for each atom."""
    counts = np.full((SIDE_PX, SIDE_PX), 3.0)
    width = 0.42 / pixel_A
    reach = int(4 * width)
    for (x, y), number in zip(xy_px, numbers, strict=True):
        column, row = round(x), round(y)
        rows = np.arange(max(0, row - reach), min(SIDE_PX, row + reach + 1))
        columns = np.arange(max(0, column - reach), min(SIDE_PX, column + reach + 1))
        bump = np.exp(-((rows[:, None] - y) ** 2 + (columns - x) ** 2) / (2 * width**2))
        counts[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] += number**1.7 * bump
    return random.poisson(counts).astype(np.uint16)


def atom_table(
    xy_px: NDArray[np.float64], numbers: NDArray[np.int64], random: np.random.Generator
) -> AtomTable:
    """Records of atoms at known positions with plausible errors."""
    table = np.zeros(len(xy_px), ATOM)
    table["x_px"], table["y_px"] = xy_px.T
    table["x_fit_px"], table["y_fit_px"] = xy_px.T
    table["sigma_x_px"] = table["sigma_y_px"] = random.uniform(0.05, 0.12, len(xy_px))
    table["sigma_fit_px"] = table["sigma_x_px"]
    table["p"] = random.uniform(0.9, 1.0, len(xy_px))
    table["atomic_number"] = numbers
    table["coordination"] = 3
    return table


@dataclass(frozen=True)
class Running:
    """A served application; `call` runs a function on its event loop."""

    base_url: str
    keys: KeyRing
    session: Session
    loop: asyncio.AbstractEventLoop
    server: uvicorn.Server
    dependencies: list[Dependency]
    clock: HastyClock

    def call(self, function: Callable[[], object]) -> object:
        async def on_loop() -> object:
            return function()

        return asyncio.run_coroutine_threadsafe(on_loop(), self.loop).result(30)

    def entry(self) -> str:
        """A fresh address with a one-time key."""
        return f"{self.base_url}/?key={self.keys.mint_one_time_key()}"


def dependencies() -> list[Dependency]:
    """What a healthy service says of itself."""
    return [
        Dependency(name="detector", ready=True, detail="20 members, onnxruntime"),
        Dependency(name="link", ready=True, detail="listening"),
    ]


@pytest.fixture
def running() -> Iterator[Running]:
    """The real application on a free loopback port, with an empty session."""
    started = threading.Event()
    box: list[Running] = []

    async def serve() -> None:
        clock = HastyClock()
        session = Session(clock=clock)
        keys = KeyRing(new_key(), SystemClock())
        settings = HttpSettings(port=0)
        needs = dependencies()
        app = create_app(session, settings, keys=keys, readiness=lambda: needs)
        server = uvicorn.Server(server_config(app, settings))
        task = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        loop = asyncio.get_running_loop()
        base_url = f"http://127.0.0.1:{port}"
        box.append(Running(base_url, keys, session, loop, server, needs, clock))
        started.set()
        await task

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert started.wait(30), "the server did not start"
    yield box[0]
    box[0].server.should_exit = True
    thread.join(30)


@pytest.fixture
def scene(running: Running) -> Scene:
    """A sample to show."""
    return Scene(running.session)


@pytest.fixture
def chemist(scene: Scene) -> Chemist:
    """A dispatcher that computes on that sample."""
    return Chemist(scene)


class Watched:
    """A page that notes every request and every complaint."""

    def __init__(self, page: Page, base_url: str) -> None:
        self.page = page
        self.requests: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("requestfailed", lambda request: self.complaints.append(f"failed {request.url}"))
        page.on("pageerror", lambda error: self.complaints.append(f"error {error}"))
        page.on("console", self._console)
        page.on("response", self._response)
        self.base_url = base_url

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(f"console {message.text}")

    def _response(self, response: Response) -> None:
        if response.status >= 400:
            self.complaints.append(f"{response.status} {response.url}")

    @property
    def external(self) -> list[str]:
        """Requests that left the origin."""
        own = (self.base_url, self.base_url.replace("http", "ws"), "data:", "blob:")
        return [url for url in self.requests if not url.startswith(own)]


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """Chromium, headless, without a network of its own."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=BOUND_MS)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=chromium, headless=True, args=list(CHROMIUM_FLAGS)
        )
        yield browser
        browser.close()


@pytest.fixture
def watched(browser: Browser, running: Running) -> Iterator[Watched]:
    """The dashboard of an admitted browser; fails the test on any complaint or foreign request."""
    context = browser.new_context(viewport={"width": 1280, "height": 760})
    watched = Watched(context.new_page(), running.base_url)
    watched.page.set_default_timeout(BOUND_MS)
    watched.page.goto(running.entry())
    watched.page.wait_for_url(f"{running.base_url}/")
    yield watched
    context.close()
    assert watched.external == []
    assert watched.complaints == []


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of Debian's Chromium; skips with the command that installs it."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("browser: Debian's chromium is not installed; run: SYSTEM_PACKAGES=1 make test")
    if not (pages.DIST / "index.html").is_file():
        pytest.skip(f"dashboard: it is not built; run: {pages.BUILD_COMMAND}")
    return path
