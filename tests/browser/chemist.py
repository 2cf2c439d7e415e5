"""A dispatcher as the dashboard sees one: answers with everything in them, orders that are obeyed.

The numbers are made up, and recognisable as such; the atoms are those of the synthetic scene, so
that a picture made from an answer fits the image.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from blake3 import blake3

from shared.codec import outputs_digest, text_digest
from shared.messages import (
    AdsorptionReport,
    Answer,
    Attachment,
    BarrierReport,
    BondStatistics,
    Disagreement,
    DispatcherStatus,
    Displacement,
    DynamicsReport,
    ImageReport,
    Job,
    Order,
    OrderOutcome,
    Provenance,
    RecipeOptions,
    Reference,
    SimulationResult,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tests.browser.conftest import Scene

LATTICE_A = 1.42
REACH_A = 6.0
PARTS_EV = {
    "alternatives_eV": 0.061,
    "starts_eV": 0.012,
    "size_eV": 0.148,
    "numerics_eV": 0.0004,
    "reservoir_eV": 0.09,
    "levels_eV": 0.212,
    "topology_share": 0.04,
    "topology_error_share": 0.02,
    "total_eV": 0.282,
}
UNDO = {"pick": "release", "dismiss": "release", "compute": "cancel", "cancel": "compute"}
UNDO |= {"pause": "resume", "resume": "pause", "release": None, "look_at": None}
SAID = {
    "pick": "It is computed before all others, beyond the budget if need be.",
    "dismiss": "It is not computed; 1 job was cancelled.",
    "release": "It is treated like any other again.",
    "compute": "The job is queued.",
    "cancel": "The job ends; 37 steps are lost.",
    "pause": "Nothing new is started; 1 job goes on.",
    "resume": "Jobs are started again.",
    "look_at": "The place is a ROI now.",
}


@dataclass
class Chemist:
    """Feeds jobs and answers, and carries out orders unless told to wait.

    Attributes:
        orders: What it was asked.
        patient: Whether orders are left unanswered.
    """

    scene: Scene
    orders: list[Order] = field(default_factory=list)
    patient: bool = False

    def connect(self, *, budget_cpu_h: float | None = 3.58) -> None:
        """Say hello with levels and budget, and take orders from here on."""
        session = self.scene.session
        session.orders.connect(self.carry)
        session.apply(self.status(budget_cpu_h=budget_cpu_h))

    def status(self, state: str = "ready", budget_cpu_h: float | None = 3.58) -> DispatcherStatus:
        return DispatcherStatus(
            state=state,
            levels=("gfnff", "gfn1", "gfn2", "pyscf"),
            jobs_waiting=1,
            jobs_running=1,
            jobs_done=3,
            budget_jobs=31,
            budget_cpu_h=budget_cpu_h,
            used_cpu_h=0.42,
        )

    def carry(self, order: Order) -> int:
        self.orders.append(order)
        if not self.patient:
            self.settle(order)
        return 1

    def settle(self, order: Order, *, accepted: bool = True, message: str | None = None) -> None:
        job = f"{order.roi}-new" if order.action == "compute" else None
        self.scene.session.orders.settle(
            OrderOutcome(
                id=order.id,
                accepted=accepted,
                message=message or SAID[order.action],
                job=job,
                undo=UNDO[order.action] if accepted else None,
                at_ns=order.issued_at_ns + 1,
            )
        )

    def job(self, key: str, roi: str, **fields: Any) -> None:
        values = {"recipe": "relax", "level": "gfn1", "state": "running", "n_atoms": 91}
        now = self.scene.clock.wall_ns()
        self.scene.session.apply(Job(key=key, roi=roi, updated_at_ns=now, **{**values, **fields}))

    def answer(
        self,
        roi: str,
        xy_A: NDArray[np.float64],
        *,
        frame: int = 0,
        pictures: dict[str, bytes] | None = None,
        **result: Any,
    ) -> Answer:
        """Feed an answer about a place, with every part that an answer can have."""
        structure = self.structure(xy_A, frame, relaxed=True)
        start = self.structure(xy_A, frame, relaxed=False)
        spec = b'{"recipe": "relax", "level": "gfn1"}'
        log = b"cycle 57, energy and forces converged\n" * 40
        files = {"input.extxyz": start.encode(), "specification.json": spec, "engine.log": log}
        files |= pictures or {}
        media = {"input.extxyz": "chemical/x-xyz", "specification.json": "application/json"}
        roles: dict[str, Any] = {"input.extxyz": "input", "specification.json": "input"}
        for name in pictures or {}:
            media[name], roles[name] = "image/png", "picture"
        attachments = tuple(
            Attachment(
                name=name,
                media_type=media.get(name, "text/plain"),
                nbytes=len(content),
                digest=blake3(content).hexdigest(),
                role=roles.get(name, "output"),
            )
            for name, content in files.items()
        )
        full = simulated(**result)
        answer = Answer(
            roi=roi,
            job=f"{roi}-{full.recipe}-{full.level}",
            result=full,
            provenance=Provenance(
                frame=f"{frame:064x}",
                model="ab" * 32,
                atoms=blake3(b"atoms").hexdigest(),
                structure=text_digest(start),
                inputs=blake3(spec).hexdigest(),
                outputs=outputs_digest(structure, attachments),
                software="tblite 0.5.0, AtomLoop 0.2",
                settings="GFN1-xTB, accuracy 1.0, 300 K electrons, BFGS to 0.05 eV/Å",
            ),
            disagreement=Disagreement(
                below="gfnff", formation_eV=None, bond_A=0.031, rms_A=0.052, same_rings=True
            ),
            attachments=attachments,
            finished_at_ns=self.scene.clock.wall_ns(),
        )
        self.scene.session.add_answer(answer, structure, tuple(files.values()))
        return answer

    def structure(self, xy_A: NDArray[np.float64], frame: int, *, relaxed: bool) -> str:
        """The atoms about a place as extended XYZ in the frame's own coordinates."""
        row_A, column_A = self.scene.drift_A(frame)
        origin = xy_A - (column_A, row_A) - 9.0
        near = np.hypot(*(self.scene.xy_A - xy_A).T) < REACH_A
        places = self.scene.xy_A[near] - (column_A, row_A) - origin
        height = np.where(self.scene.numbers[near] == 14, 0.5 if relaxed else 0.0, 0.0)
        lines = [
            f"{'Si' if number == 14 else 'C'} {x:.5f} {y:.5f} {z:.5f}"
            for (x, y), z, number in zip(places, height, self.scene.numbers[near], strict=True)
        ]
        comment = f'Properties=species:S:1:pos:R:3 origin_A="{origin[0]} {origin[1]}" pbc="F F F"'
        return "\n".join((str(len(lines)), comment, *lines, ""))

    def everything(self) -> None:
        """Feed a sitting in which everything has happened."""
        scene = self.scene
        scene.peers(3)
        self.connect()
        for index in range(3):
            scene.show(index)
        self._rois()
        scene.job("roi-si3", "gfn1", "done")
        self.job(
            "roi-si4-relax-gfn1",
            "roi-si4",
            step=37,
            attempt=2,
            worker="node-07, Slurm 4711",
            options=RecipeOptions(),
        )
        self.job(
            "roi-si4-md-gfn1",
            "roi-si4",
            recipe="md",
            step=812,
            options=RecipeOptions(temperature_K=900),
        )
        self.job("roi-v1-relax-gfn1", "roi-v1", state="queued")
        self.answer("roi-si3", scene.si3_xy, moved=moved(), uncertainty=PARTS_EV)

    def _rois(self) -> None:
        scene = self.scene
        scene.roi(
            "roi-si3",
            scene.si3_xy,
            "Si_C3",
            "done",
            reason=factors(0.98, 1.00, 0.87),
            priority=0.85,
            similarity=0.0,
            origin="defect",
            shape="5f0c9a77e1d2b344",
        )
        scene.roi(
            "roi-si4",
            scene.si4_xy,
            "Si_C4",
            "running",
            reason=factors(0.91, 0.62, 1.00),
            priority=0.56,
            similarity=0.38,
            wish="first",
        )
        scene.roi(
            "roi-v1",
            scene.vacancy_xy,
            "V1",
            "queued",
            reason=f"waits for a free core; {factors(0.88, 1.00, 0.90)}",
            priority=0.79,
            previous="roi-old",
        )
        scene.roi(
            "roi-old",
            scene.vacancy_xy,
            "SW_5577",
            "stale",
            reason="the beam changed it into roi-v1.",
        )
        away = np.array([13.0, -3.0])
        scene.roi(
            "roi-patch",
            scene.si3_xy + away / 2 + np.array([0.0, 14.0]),
            "unknown",
            "candidate",
            origin="random",
            reason="waits for a free place; a patch drawn at random, 0.94 like pristine graphene",
            priority=0.11,
        )
        scene.roi(
            "roi-blurred",
            scene.si4_xy + np.array([-2.0, -15.0]),
            "unknown",
            "refused",
            reason="unknown, look closer: 4 atoms are uncertain by 0.2 Å; halve the field of view.",
        )
        scene.roi(
            "roi-edge",
            scene.si3_xy + away,
            "unknown",
            "refused",
            reason="The cut-out would cross the frame's border; move the field of view.",
        )


def factors(confidence: float, novelty: float, age: float) -> str:
    """A reason as the dispatcher words it."""
    parts = f"confidence {confidence:.2f}", f"novelty {novelty:.2f}", f"age {age:.2f}"
    return " \N{MULTIPLICATION SIGN} ".join(parts)


def simulated(**fields: Any) -> SimulationResult:
    """A relaxation at GFN1, or whatever is said otherwise."""
    values: dict[str, Any] = {
        "recipe": "relax",
        "level": "gfn1",
        "energy_eV": -12345.678,
        "formation_eV": 1.234,
        "reference": Reference(
            pristine_eV=-12350.0,
            mu_eV={"C": -50.0, "Si": -45.0},
            level="gfn1",
            note="C from pristine graphene, Si from silane (synthetic numbers)",
        ),
        "bonds_A": {
            "C-C": BondStatistics(mean=1.424, min=1.389, max=1.467, n=112),
            "C-H": BondStatistics(mean=1.089, min=1.087, max=1.092, n=22),
            "C-Si": BondStatistics(mean=1.762, min=1.751, max=1.776, n=3),
        },
        "rings": {"before": {"5": 1, "6": 24}, "after": {"6": 25}},
        "converged": True,
        "steps": 57,
        "fmax_eV_A": 0.0093,
        "wall_s": 11.4,
        "cpu_s": 11.1,
    }
    return SimulationResult(**{**values, **fields})


def moved() -> Displacement:
    return Displacement(
        rms_A=0.047,
        sigma_A=0.041,
        n_atoms=91,
        percent_x=0.21,
        percent_y=0.34,
        note="percent of the distance from the corner of the cluster's own box",
    )


def adsorption() -> AdsorptionReport:
    return AdsorptionReport(
        adsorbate="Cr",
        site="bridge",
        found_at="hollow",
        binding_eV=1.734,
        sheet_eV=-900.0,
        adsorbate_eV=-100.0,
        distance_A=2.171,
        n_touching=6,
        height_A=1.52,
    )


def barrier() -> BarrierReport:
    return BarrierReport(
        barrier_eV=5.42,
        reaction_eV=3.11,
        energies_eV=(0.0, 0.9, 2.8, 5.42, 4.6, 3.5, 3.11),
        what="the bond between atoms 17 and 23 turns by 90 degrees",
    )


def picture() -> ImageReport:
    return ImageReport(
        correlation=0.871, pixel_size_A=0.104, probe_sigma_A=0.42, residual_share=0.24
    )


def dynamics() -> DynamicsReport:
    return DynamicsReport(
        thermostat="Nosé-Hoover chain of 3, damping 40 fs",
        temperature_K=900,
        mean_temperature_K=893.2,
        planned_fs=2000,
        done_fs=2000,
        timestep_fs=0.5,
        ring_bonds_A={
            "5": BondStatistics(mean=1.431, min=1.36, max=1.52, n=10),
            "6": BondStatistics(mean=1.427, min=1.33, max=1.53, n=98),
        },
        rings_changed_at_fs=1240.0,
        drift_eV=0.0021,
    )
