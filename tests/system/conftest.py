"""The demo as its user starts it: real processes, real sockets, a real relaxation."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest

from shared.testing.structures import substituted

ROOT = Path(__file__).resolve().parents[2]
PIXEL_SIZE_A = 0.104
PROBE_A = 0.48
"""Standard deviation of a spot: probe and source size together."""
COUNTS_AT_CARBON = 2.0
"""Electrons in the brightest pixel of a carbon atom: about 1e6 e/Å²."""
POLL_S = 0.2


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here starts processes and computes."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.system)
            item.add_marker(pytest.mark.timeout(420))


class Demo:
    """One run of `python -m deploy.demo`."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.out, self.err = folder / "stdout", folder / "stderr"
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "deploy.demo", *arguments],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        self.run_folder = ROOT / ".atomloop" / "demo" / f"run-{self.process.pid}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(60)

    def until(self, condition: Callable[[], Any], within_s: float, what: str) -> Any:
        """Wait for a condition's first truthy answer; the demo must not end before."""
        deadline = time.monotonic() + within_s
        while not (answer := condition()):
            alive = self.process.poll() is None
            assert alive, f"the demo ended before {what}:\n{self.err.read_text()}"
            assert time.monotonic() < deadline, f"no {what} in time:\n{self.err.read_text()}"
            pause(POLL_S)
        return answer

    def dashboard(self, within_s: float = 120) -> str:
        """Wait for the printed address."""
        return str(self.until(self.out.read_text, within_s, "address")).strip()

    def ask(
        self,
        path: str,
        *,
        key: bool = True,
        method: str = "GET",
        accept: str = "application/json",
        body: str | None = None,
    ) -> tuple[int, bytes]:
        """Ask the inference service; with its API key unless told otherwise, a body as JSON."""
        port = int(self.dashboard().split("/")[2].rpartition(":")[2])
        headers = {"Accept": accept}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if key:
            headers["X-Api-Key"] = (self.run_folder / "api.key").read_text().strip()
        connection = HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            connection.request(method, path, body=body, headers=headers)
            reply = connection.getresponse()
            return reply.status, reply.read()
        finally:
            connection.close()

    def get(self, path: str) -> Any:
        """Return the JSON at a path."""
        status, body = self.ask(path)
        assert status == 200, body
        return json.loads(body)

    def leftovers(self) -> dict[int, str]:
        """Return the processes that belong to this run, by number."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                words = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
                state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue
            if state != "Z" and str(self.run_folder).encode() in words:
                found[int(folder.name)] = (
                    words[:200].replace(b"\0", b" ").decode("utf-8", "replace")
                )
        return found

    def gone(self, within_s: float = 20) -> dict[int, str]:
        """Wait until no process of this run is left; return those that stay."""
        deadline = time.monotonic() + within_s
        while (left := self.leftovers()) and time.monotonic() < deadline:
            pause(POLL_S)
        return left


def pause(seconds: float) -> None:
    """Give the processors to the processes under test."""
    signal.sigtimedwait((), seconds)


@pytest.fixture(scope="session")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of four frames of graphene with one silicon in a carbon's place."""
    folder = tmp_path_factory.mktemp("frames")
    structure = substituted("Si")
    rng = np.random.default_rng(20261122)
    side = int(structure.bounds[0] / PIXEL_SIZE_A)
    centres = np.arange(side) * PIXEL_SIZE_A
    brightness = np.where(np.array(structure.elements) == "Si", (14 / 6) ** 1.7, 1.0)
    spread_x = np.exp(-((centres - structure.positions_A[:, :1]) ** 2) / (2 * PROBE_A**2))
    spread_y = np.exp(-((centres - structure.positions_A[:, 1:]) ** 2) / (2 * PROBE_A**2))
    clean = COUNTS_AT_CARBON * np.einsum("a,ay,ax->yx", brightness, spread_y, spread_x)
    for index in range(4):
        image = rng.poisson(clean + 0.1).astype(np.uint16)
        np.savez(folder / f"frame-{index}.npz", image=image, pixel_size_A=PIXEL_SIZE_A)
    return folder


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Demo]]:
    """Start demos that are stopped at the end of the test."""
    started: list[Demo] = []

    def begin(*arguments: str) -> Demo:
        folder = tmp_path / f"demo-{len(started)}"
        folder.mkdir()
        started.append(Demo(folder, *arguments))
        return started[-1]

    yield begin
    for demo in started:
        demo.__exit__()


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """The demo on Nion's acquisition API, with its first answer back."""
    with Demo(tmp_path_factory.mktemp("live")) as demo:
        demo.dashboard()
        demo.until(lambda: quantum_answers(demo), 300, "relaxation")
        yield demo


def quantum_answers(demo: Demo) -> list[dict[str, Any]]:
    """Return the answers above the force field, oldest first."""
    answers = demo.get("/api/v1/answers")["items"]
    return [answer for answer in reversed(answers) if answer["result"]["level"] != "gfnff"]
