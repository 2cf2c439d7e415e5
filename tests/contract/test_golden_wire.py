"""Bytes that a released version has sent stay readable, and mean what they meant.

`golden/wire-v1.json` maps a name to the parts of one message in hexadecimal. A released entry is
never edited; a new kind gets a new entry: ``python tests/contract/test_golden_wire.py`` adds
those that are missing.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shared.codec import Envelope, decode, encode
from shared.codec.kinds import MESSAGE_OF
from shared.messages import (
    Ack,
    AckLevel,
    Acquisition,
    Answer,
    Atoms,
    Beat,
    BondStatistics,
    Bye,
    Calibration,
    Credit,
    Defect,
    DispatcherStatus,
    EdgeStatus,
    Frame,
    Hello,
    Job,
    Nack,
    Order,
    OrderOutcome,
    OutOfDistribution,
    Provenance,
    RecipeOptions,
    Reference,
    Refused,
    Roi,
    SimulationResult,
    StageTimes,
    Welcome,
)

GOLDEN = Path(__file__).parent / "golden" / "wire-v1.json"
SI = Defect(type="Si_C3", x_px=10.5, y_px=20.25, p=0.96875, atoms=(3,))
ONES, TWOS, THREES = "1" * 64, "2" * 64, "3" * 64

EXAMPLES = {
    "hello": Envelope(
        Hello(role="edge", name="stem-1", software="atomloop 0.1.0", stream="edge-1", next_seq=7)
    ),
    "welcome": Envelope(
        Welcome(
            software="atomloop 0.1.0",
            dial=1,
            stream="service-1",
            next_seq=1,
            expects_seq=7,
            limit_seq=15,
            window_bytes=1 << 26,
        )
    ),
    "refused": Envelope(Refused(reason="not authorised", remedy="authorise the key")),
    "credit": Envelope(Credit(limit_seq=16, window_bytes=1 << 26)),
    "ack": Envelope(Ack(level=AckLevel.INFERRED, next_seq=8)),
    "nack": Envelope(Nack(seq=8, reason="Checksum mismatch.", resend=True)),
    "beat": Envelope(Beat(sent_at_ns=3, echo_sent_at_ns=1, echo_received_at_ns=2)),
    "bye": Envelope(Bye()),
    "frame": Envelope(
        Frame(
            session="sitting",
            index=4,
            name=ONES,
            previous=TWOS,
            shape=(2, 3),
            pixel_type="uint16",
            codec="raw",
            calibration=Calibration(pixel_size_A=0.104, source="header"),
            acquisition=Acquisition(
                instrument="STEM",
                high_tension_kV=60.0,
                dwell_time_us=4.0,
                beam_current_pA=180.0,
                dose_e_A2=415000.0,
                field_of_view_A=(93.184, 93.184),
                started_at_ns=5,
                ended_at_ns=6,
                origin="scan 4",
            ),
        ),
        (bytes(range(12)),),
        9,
    ),
    "atoms": Envelope(
        Atoms(
            session="sitting",
            frame=ONES,
            frame_index=4,
            shape=(2, 3),
            model=THREES,
            members=20,
            n_atoms=0,
            pixel_size_A=0.104,
            pixel_size_source="fft",
            header_pixel_size_A=0.104,
            dose_e_A2=None,
            dose_note="the gain is unknown",
            contamination=0.125,
            ood=OutOfDistribution(score=0.25, flag=False),
            drift_A=(0.5, -0.5),
            times=StageTimes(detect_ms=400.0),
        ),
        (b"", b"\x90"),
        10,
    ),
    "atoms_covered": Envelope(
        Atoms(
            session="sitting",
            frame=ONES,
            frame_index=5,
            shape=(20, 30),
            model=THREES,
            members=20,
            n_atoms=0,
            pixel_size_A=0.104,
            pixel_size_source="flag",
            header_pixel_size_A=0.104,
            dose_e_A2=400000.0,
            contamination=0.25,
            cover_px=(((0, 0), (14, 0), (14, 10), (0, 10)),),
            ood=OutOfDistribution(score=1.5, flag=True, reasons=("much contamination",)),
            warnings=("The pixel size contradicts the lattice.",),
        ),
        (b"", b"\x90"),
        14,
    ),
    "roi": Envelope(
        Roi(
            key="Si_C3-abc",
            state="queued",
            defect=SI,
            frame=ONES,
            frame_index=4,
            x_A=1.5,
            y_A=2.5,
            radius_A=9.0,
            updated_at_ns=7,
        ),
        (),
        11,
    ),
    "job": Envelope(
        Job(
            key="Si_C3-abc-relax-gfn1",
            roi="Si_C3-abc",
            recipe="relax",
            level="gfn1",
            state="running",
            firework=2,
            n_atoms=116,
            updated_at_ns=8,
        ),
        (),
        12,
    ),
    "answer": Envelope(
        Answer(
            roi="Si_C3-abc",
            job="Si_C3-abc-relax-gfn1",
            result=SimulationResult(
                recipe="relax",
                level="gfn1",
                energy_eV=-5605.125,
                formation_eV=3.75,
                reference=Reference(
                    pristine_eV=-5600.0, mu_eV={"C": -50.5}, level="gfn1", note="graphene"
                ),
                unpaired=1,
                bonds_A={"C-C": BondStatistics(mean=1.42, min=1.375, max=1.5, n=120)},
                rings={"before": {"6": 34}, "after": {"6": 34}},
                converged=True,
                steps=14,
                fmax_eV_A=0.046875,
                wall_s=9.5,
                cpu_s=17.0,
            ),
            provenance=Provenance(frame=ONES, model=THREES, structure=TWOS, software="xtb 6.5.1"),
            finished_at_ns=9,
        ),
        (b"1\n\nC 0 0 0\n",),
        13,
    ),
    "edge_status": Envelope(
        EdgeStatus(
            source="Nion", state="acquiring", offered=5, accepted=4, skipped=1, unacknowledged=2
        )
    ),
    "order": Envelope(
        Order(
            id="order-1",
            action="compute",
            roi="Si_C3-1",
            recipe="md",
            level="gfn1",
            options=RecipeOptions(temperature_K=1200.0, duration_fs=500.0),
            by="operator",
            issued_at_ns=1_700_000_000_000_000_000,
        ),
        seq=9,
    ),
    "order_outcome": Envelope(
        OrderOutcome(
            id="order-1",
            accepted=True,
            message="Queued as Si_C3-1-md-gfn1.",
            job="Si_C3-1-md-gfn1",
            undo="cancel",
            at_ns=1_700_000_000_500_000_000,
        ),
        seq=10,
    ),
    "dispatcher_status": Envelope(DispatcherStatus(state="ready", levels=("gfnff", "gfn1"))),
}


def golden() -> dict[str, list[str]]:
    return dict(json.loads(GOLDEN.read_text("utf-8")))


def hexadecimal(envelope: Envelope) -> list[str]:
    return [bytes(part).hex() for part in encode(envelope)]


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_released_bytes_still_mean_what_they_meant(name: str) -> None:
    parts = [bytes.fromhex(part) for part in golden()[name]]
    assert decode(parts) == EXAMPLES[name]


def test_every_kind_has_its_golden_bytes() -> None:
    covered = {int(parts[0][:2], 16) for parts in golden().values()}
    assert covered == set(MESSAGE_OF)


if __name__ == "__main__":
    known = golden() if GOLDEN.exists() else {}
    added = {name: hexadecimal(EXAMPLES[name]) for name in EXAMPLES if name not in known}
    GOLDEN.write_text(json.dumps(known | added, indent=1) + "\n", "utf-8")
    print(f"{len(added)} added, {len(known)} left as they were")
