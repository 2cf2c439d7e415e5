"""An answer as the dispatcher assembles it holds when the service recomputes its chain."""

from __future__ import annotations

import numpy as np
import pytest

from inference_service.chain import chain_of, input_file
from inference_service.session import Session
from shared.codec import atoms_digest, frame_name, outputs_digest, text_digest
from shared.messages import (
    ATOM,
    Acquisition,
    Atoms,
    Attachment,
    BondStatistics,
    Calibration,
    Frame,
    OutOfDistribution,
    SimulationResult,
    StageTimes,
)
from sim_dispatcher.dispatch.answers import answer_of
from sim_dispatcher.ledger import JobFile, JobRecord, JobSpec

MODEL = "ab" * 32
START = '2\nProperties=species:S:1:pos:R:3 origin_A="1 2" pbc="F F F"\nC 0 0 0\nSi 0 1.9 0\n'
END = '2\nProperties=species:S:1:pos:R:3 origin_A="1 2" pbc="F F F"\nC 0 0 0\nSi 0 1.75 0\n'


def seen(session: Session) -> tuple[str, str]:
    """Show one analysed frame; returns the digests of frame and atoms."""
    pixels = np.arange(64, dtype=np.uint16).reshape(8, 8)
    table = np.zeros(2, ATOM)
    name = frame_name(pixels)
    acquisition = Acquisition(instrument="t", started_at_ns=0, ended_at_ns=1, origin="test")
    session.add_frame(
        Frame(
            session="s",
            index=0,
            name=name,
            previous=None,
            shape=(8, 8),
            pixel_type="uint16",
            codec="raw",
            calibration=Calibration(pixel_size_A=0.1, source="header"),
            acquisition=acquisition,
        ),
        pixels,
    )
    atoms = Atoms(
        session="s",
        frame=name,
        frame_index=0,
        shape=(8, 8),
        model=MODEL,
        members=1,
        n_atoms=2,
        pixel_size_A=0.1,
        pixel_size_source="header",
        header_pixel_size_A=0.1,
        dose_e_A2=None,
        contamination=0,
        ood=OutOfDistribution(score=0, flag=False),
        drift_A=(0, 0),
        times=StageTimes(),
    )
    session.add_atoms(atoms, table, ())
    return name, atoms_digest(table)


def finished(frame: str, atoms: str) -> JobRecord:
    result = SimulationResult(
        recipe="relax",
        level="gfn1",
        energy_eV=-1.0,
        formation_eV=None,
        reference=None,
        bonds_A={"C-Si": BondStatistics(mean=1.75, min=1.75, max=1.75, n=1)},
        rings={"before": {}, "after": {}},
        converged=True,
        steps=3,
        fmax_eV_A=0.01,
        wall_s=1,
        cpu_s=1,
    )
    spec = JobSpec(
        key="job-1",
        roi="roi-1",
        recipe="relax",
        level="gfn1",
        structure=START,
        frame=frame,
        model=MODEL,
        atoms=atoms,
        created_at_ns=1,
    )
    log = JobFile(name="engine.log", media_type="text/plain", role="output", content="converged\n")
    return JobRecord(
        key=spec.key,
        spec=spec,
        state="done",
        result=result,
        structure=END,
        software="test 0",
        files=(log,),
        updated_at_ns=2,
    )


@pytest.fixture
def session() -> Session:
    return Session()


def test_every_link_of_a_dispatchers_answer_holds(session: Session) -> None:
    frame, atoms = seen(session)
    answer, payload = answer_of(finished(frame, atoms))
    session.add_answer(answer, payload[0].decode(), payload[1:])
    (record,) = session.answers()
    chain = chain_of(record, session.frame(frame))
    states = {link.name: link.state for link in chain.links}
    assert chain.intact
    assert {name for name, state in states.items() if state == "matches"} >= {
        *("frame", "model", "atoms", "structure", "outputs"),
        *("file input.extxyz", "file engine.log"),
    }
    assert input_file(record) == START


def test_a_structure_changed_on_the_way_breaks_the_chain(session: Session) -> None:
    frame, atoms = seen(session)
    answer, payload = answer_of(finished(frame, atoms))
    session.add_answer(answer, payload[0].decode().replace("1.75", "1.70"), payload[1:])
    (record,) = session.answers()
    states = {link.name: link.state for link in chain_of(record, None).links}
    assert states["outputs"] == "differs"
    assert states["frame"] == "not_here"


def test_the_digest_of_outputs_is_pinned() -> None:
    attachment = Attachment(
        name="a", media_type="text/plain", nbytes=0, digest="0" * 64, role="output"
    )
    joined = f"{text_digest(END)}\n{'0' * 64}"
    assert outputs_digest(END, (attachment,)) == text_digest(joined)
    assert text_digest("") == "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
