"""What happens on the screen while the demo runs: ready, first frame, first answer."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import Any

from deploy.demo.failure import DemoError
from deploy.demo.service_client import ServiceClient
from deploy.demo.signals import Signals
from deploy.demo.supervisor import Supervisor
from deploy.progress import Progress

__all__ = ["Story", "summary"]

READY_WITHIN_S = 300.0
ANSWER_WITHIN_S = 600.0
LOOK_EVERY_S = 0.5
NOT_YET_QUANTUM = "gfnff"
"""The force field gives a start geometry and strain, not an energy worth reporting."""

Json = dict[str, Any]


@dataclass
class Story:
    """Follows one run from start to answer.

    Attributes:
        supervisor: The processes.
        client: The inference service.
        progress: The display.
        signals: Requests to stop.
        once: Whether any death ends the run.
        began_s: Monotonic instant at which the command began.
    """

    supervisor: Supervisor
    client: ServiceClient
    progress: Progress
    signals: Signals
    once: bool
    began_s: float
    _seen: set[str] = field(default_factory=set)

    def await_ready(self) -> str | None:
        """Wait until all services are up and connected.

        Returns:
            The dashboard's address with a key that works once; None when asked to stop.

        Raises:
            DemoError: They did not come up in time, or one of them died.
        """
        self.progress.begin("Starting services")
        deadline = time.monotonic() + READY_WITHIN_S
        while not self.signals.stop:
            status = self._look(("inference-service",))
            waiting = _unready(status)
            if status and not waiting and (url := self.client.dashboard_url()):
                self.progress.end("ready")
                return url
            if time.monotonic() > deadline:
                raise DemoError(
                    f"The services were not ready within {READY_WITHIN_S:.0f} s: {waiting}.",
                    "read the logs named above.",
                )
            self.progress.update(f"waiting for {waiting}")
            self.signals.wait(LOOK_EVERY_S)
        return None

    def await_answer(self) -> Json | None:
        """Wait for the first relaxation at a quantum level.

        Returns:
            The answer as REST gives it; None when asked to stop.

        Raises:
            DemoError: None came in time, or a service died.
        """
        self.progress.begin("Waiting for the first answer")
        deadline = time.monotonic() + ANSWER_WITHIN_S
        while not self.signals.stop:
            self._follow()
            answers = self.client.get("/api/v1/answers?limit=500") or {}
            for answer in reversed(answers.get("items", [])):
                if _is_relaxation(answer["result"]):
                    self.progress.end("here")
                    return dict(answer)
            if time.monotonic() > deadline:
                raise DemoError(self._why_none(), "read the logs named above.")
            self.signals.wait(LOOK_EVERY_S)
        return None

    def watch(self) -> None:
        """Show what goes on until asked to stop."""
        self.progress.begin("Running")
        while not self.signals.stop:
            self._follow()
            self.signals.wait(LOOK_EVERY_S)

    def _follow(self) -> None:
        status = self._look(()) or {}
        frames = status.get("frames_received", 0)
        rois = ", ".join(f"{count} {state}" for state, count in status.get("rois", {}).items())
        self.progress.update(f"{frames} frames, ROIs: {rois or 'none yet'}")
        if frames:
            self._milestone("first frame served")
        if status.get("frames_analysed"):
            self._milestone("first atoms found")
        if status.get("answers"):
            self._milestone("first answer back")

    def _look(self, vital: tuple[str, ...]) -> Json | None:
        """Notice deaths, which end the run where they must, and ask for the status."""
        self.supervisor.look()
        fatal = [name for name in self.supervisor.died if self.once or name in vital]
        if fatal:
            raise DemoError(f"{', '.join(fatal)} ended.", "mend what its last lines name.")
        return self.client.get("/api/v1/status")

    def _milestone(self, what: str) -> None:
        if what not in self._seen:
            self._seen.add(what)
            self.progress.say(f"{what} after {time.monotonic() - self.began_s:.1f} s")

    def _why_none(self) -> str:
        status = self.client.get("/api/v1/status") or {}
        reasons = {
            str(entry["reason"])
            for path in ("/api/v1/jobs?state=failed", "/api/v1/rois?state=refused")
            for entry in (self.client.get(path) or {}).get("items", [])
            if entry.get("reason")
        }
        return (
            f"No relaxation came back within {ANSWER_WITHIN_S / 60:.0f} minutes: "
            f"{status.get('frames_analysed', 0)} frames analysed, ROIs {status.get('rois')}, "
            f"jobs {status.get('jobs')}. {' '.join(sorted(reasons)[:5])}"
        ).strip()


def _unready(status: Json | None) -> str:
    """Say what is still waited for; empty when nothing is."""
    if status is None:
        return "inference_service"
    missing = [each["name"] for each in status["dependencies"] if not each["ready"]]
    missing += [role for role in ("edge", "dispatcher") if not status[role]["connected"]]
    return ", ".join(dict.fromkeys(missing))


def _is_relaxation(result: Json) -> bool:
    quantum = result["level"] != NOT_YET_QUANTUM
    return bool(quantum and result["recipe"].startswith("relax") and result["converged"])


def summary(client: ServiceClient, answer: Json, seconds: float, url: str) -> str:
    """Return the run's result as one JSON object on one line.

    Args:
        client: The inference service, which still runs.
        answer: The first relaxation.
        seconds: From the command to the answer.
        url: The dashboard's address.
    """
    status = client.get("/api/v1/status") or {}
    atoms = client.get("/api/v1/frames/latest") or {}
    result = answer["result"]
    bond = result["bonds_A"].get("C-C")
    return json.dumps(
        {
            "frames": status.get("frames_received"),
            "atoms": (atoms.get("analysis") or {}).get("n_atoms"),
            "rois": sum(status.get("rois", {}).values()),
            "jobs_done": status.get("jobs", {}).get("done", 0),
            "energy_eV": result["energy_eV"],
            "formation_eV": result["formation_eV"],
            "mean_cc_bond_A": bond["mean"] if bond else None,
            "seconds": round(seconds, 1),
            "dashboard_url": url,
        }
    )
