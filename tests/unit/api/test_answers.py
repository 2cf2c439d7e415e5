"""Files, structures, provenance and history, as a theorist fetches them."""

from __future__ import annotations

import csv
import json
from io import BytesIO, StringIO
from zipfile import ZipFile

import pytest
from blake3 import blake3

from shared.codec import atoms_digest, frame_name, outputs_digest, text_digest
from shared.messages import Attachment, Provenance, RecipeOptions

INPUT = "2\nProperties=species:S:1:pos:R:3\nC 0 0 0\nSi 0 1.9 0\n"
FINAL = "2\nProperties=species:S:1:pos:R:3\nC 0 0 0\nSi 0 1.75 0\n"
SPEC = b'{"recipe": "relax"}'


def attachment(name: str, content: bytes, media: str = "text/plain", role: str = "output"):
    digest = blake3(content).hexdigest()
    return Attachment(name=name, media_type=media, nbytes=len(content), digest=digest, role=role)


@pytest.fixture
def files() -> dict[str, bytes]:
    return {"input.extxyz": INPUT.encode(), "job.json": SPEC, "page.html": b"<script>1</script>"}


@pytest.fixture
def attachments(files):
    media = {"input.extxyz": "chemical/x-xyz", "job.json": "application/json"}
    roles = {"page.html": "output"}
    return tuple(
        attachment(name, content, media.get(name, "text/html"), roles.get(name, "input"))
        for name, content in files.items()
    )


@pytest.fixture
def told(service, make, files, attachments):
    """An analysed frame and an answer computed from it, its chain as it should be."""
    pixels = make.pixels()
    frame = make.frame().model_copy(update={"name": frame_name(pixels)})
    service.session.add_frame(frame, pixels)
    service.session.add_atoms(make.atoms(frame), make.table(), [])
    provenance = Provenance(
        frame=frame.name,
        model="ab" * 32,
        atoms=atoms_digest(make.table()),
        structure=text_digest(INPUT),
        inputs=blake3(SPEC).hexdigest(),
        outputs=outputs_digest(FINAL, attachments),
        software="engine 1",
        settings="GFN1-xTB, fmax 0.05 eV/Å",
    )
    answer = make.answer().model_copy(update={"attachments": attachments, "provenance": provenance})
    service.session.add_answer(answer, FINAL, tuple(files.values()))
    return answer


async def test_attachments_are_listed_with_size_digest_and_role(client, told) -> None:
    (item,) = (await client.get("/api/v1/answers/roi-1")).json()["items"]
    assert item["files_kept"] is True
    listed = {each["name"]: (each["nbytes"], each["role"]) for each in item["attachments"]}
    assert listed["input.extxyz"] == (len(INPUT), "input")
    assert item["attachments"][0]["digest"] == told.attachments[0].digest


@pytest.mark.usefixtures("told")
async def test_a_file_comes_as_it_was_and_no_browser_runs_it(client, files) -> None:
    for name, media in (
        ("input.extxyz", "chemical/x-xyz"),
        ("job.json", "application/json"),
        ("page.html", "application/octet-stream"),
    ):
        response = await client.get(f"/api/v1/answers/roi-1/files/{name}?job=job-1")
        assert response.content == files[name]
        assert response.headers["content-type"] == media
        assert response.headers["content-disposition"] == f'attachment; filename="{name}"'
        assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("files/none.txt", 404),
        ("files/input.extxyz?job=job-9", 404),
        ("files/..%2f..%2fetc%2fpasswd", 404),
        ("files/.hidden", 422),
        ("structure?job=job-9", 404),
    ],
)
async def test_what_is_not_there_is_refused(client, path, status) -> None:
    assert (await client.get(f"/api/v1/answers/roi-1/{path}")).status_code == status


@pytest.mark.usefixtures("told")
async def test_the_input_structure_comes_in_every_format(client) -> None:
    path = "/api/v1/answers/roi-1/structure?which=input"
    assert (await client.get(path)).text == INPUT
    for form in ("cif", "poscar"):
        response = await client.get(f"{path}&format={form}")
        assert f'filename="roi-1-gfn1-input.{form}"' in response.headers["content-disposition"]
        assert "Si" in response.text


@pytest.mark.usefixtures("told")
async def test_the_whole_chain_is_recomputed_from_what_is_here(client) -> None:
    chain = (await client.get("/api/v1/answers/roi-1/provenance")).json()
    states = {link["name"]: link["state"] for link in chain["links"]}
    assert states == dict.fromkeys(
        (
            *("frame", "model", "atoms", "structure", "inputs", "outputs"),
            *("file input.extxyz", "file job.json", "file page.html"),
        ),
        "matches",
    )
    assert chain["intact"] is True
    assert chain["settings"] == "GFN1-xTB, fmax 0.05 eV/Å"


async def test_a_link_that_does_not_hold_is_named(client, service, told, files) -> None:
    forged = told.provenance.model_copy(update={"atoms": "0" * 64, "frame": "1" * 64})
    answer = told.model_copy(update={"provenance": forged, "job": "job-2"})
    service.session.add_answer(answer, FINAL + "\n", tuple(files.values()))
    chain = (await client.get("/api/v1/answers/roi-1/provenance?job=job-2")).json()
    states = {link["name"]: link["state"] for link in chain["links"]}
    assert (states["frame"], states["atoms"], states["outputs"]) == (
        "not_here",
        "not_here",
        "differs",
    )
    assert chain["intact"] is False


async def test_an_old_answer_says_what_it_does_not_state(client, service, make) -> None:
    service.session.add_answer(make.answer(), FINAL)
    chain = (await client.get("/api/v1/answers/roi-1/provenance")).json()
    states = {link["name"]: link["state"] for link in chain["links"]}
    assert (states["atoms"], states["inputs"], states["structure"]) == (
        "not_stated",
        "not_stated",
        "not_here",
    )
    response = await client.get("/api/v1/answers/roi-1/structure?which=input")
    assert response.json()["type"].endswith("no-input-structure")


async def test_the_crate_holds_every_file_and_says_where_it_comes_from(client, told, files) -> None:
    response = await client.get("/api/v1/answers/roi-1/crate")
    assert response.headers["content-type"] == "application/zip"
    with ZipFile(BytesIO(response.content)) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    assert content["final.extxyz"] == FINAL.encode()
    assert {name: content[f"files/{name}"] for name in files} == files
    metadata = json.loads(content["ro-crate-metadata.json"])
    entities = {each["@id"]: each for each in metadata["@graph"]}
    assert {part["@id"] for part in entities["./"]["hasPart"]} <= set(content)
    assert entities[f"urn:blake3:{told.provenance.frame}"]["name"] == "frame"
    assert json.loads(content["answer.json"])["job"] == "job-1"
    linked = await client.get("/api/v1/answers/roi-1/provenance?format=ro-crate")
    assert linked.headers["content-type"] == "application/ld+json"
    assert linked.json() == metadata


async def test_files_are_forgotten_oldest_first_and_their_answer_stays(new_service, make) -> None:
    service = new_service()
    shelf = service.session._answers
    shelf._max_file_bytes = 25
    for number in range(3):
        content = bytes([number]) * 10
        answer = make.answer(f"job-{number}").model_copy(
            update={"attachments": (attachment("a.bin", content),)}
        )
        service.session.add_answer(answer, FINAL, (content,))
    assert shelf.file_bytes == 20
    async with service.client() as client:
        items = (await client.get("/api/v1/answers/roi-1")).json()["items"]
        assert [(i["job"], i["files_kept"]) for i in items] == [
            ("job-2", True),
            ("job-1", True),
            ("job-0", False),
        ]
        gone = await client.get("/api/v1/answers/roi-1/files/a.bin?job=job-0")
        assert (gone.status_code, gone.json()["type"]) == (
            410,
            "urn:atomloop:problem:files-forgotten",
        )
        assert "session.max_file_bytes" in gone.json()["remedy"]
        assert (await client.get("/api/v1/answers/roi-1/files/a.bin")).content == b"\x02" * 10
        assert (await client.get("/api/v1/answers/roi-1/crate?job=job-0")).status_code == 410
        final = await client.get("/api/v1/answers/roi-1/structure?job=job-0")
        assert final.text == FINAL


async def test_answers_are_found_by_recipe_and_level(client, service, make) -> None:
    service.session.add_answer(make.answer("job-1", level="gfn1"), FINAL)
    service.session.add_answer(make.answer("job-2", level="gfnff"), FINAL)
    found = (await client.get("/api/v1/answers?recipe=relax&level=gfn1")).json()
    assert [item["job"] for item in found["items"]] == ["job-1"]
    assert (await client.get("/api/v1/answers?recipe=md")).json()["total"] == 0


async def test_a_roi_tells_what_it_was_before_and_what_became_of_it(client, service, make) -> None:
    chain = (("sw", "gone"), ("v1", "sw"), ("v2", "v1"))
    for key, previous in chain:
        service.session.apply(make.roi(key, "done", previous=previous))
    for key in ("sw", "v1", "v2"):
        body = (await client.get(f"/api/v1/rois/{key}/history")).json()
        assert [item["key"] for item in body["items"]] == ["sw", "v1", "v2"]
        assert body["forgotten"] == "gone"


async def test_a_history_that_bites_its_tail_ends(client, service, make) -> None:
    service.session.apply(make.roi("a", previous="b"))
    service.session.apply(make.roi("b", previous="a"))
    body = (await client.get("/api/v1/rois/a/history")).json()
    assert [item["key"] for item in body["items"]] == ["b", "a"]
    assert body["forgotten"] is None


async def test_rois_and_jobs_tell_why_they_are_there(client, service, make) -> None:
    service.session.apply(
        make.roi("r", origin="random", wish="first", shape="0123456789abcdef", similarity=0.25)
    )
    item = (await client.get("/api/v1/rois?origin=random&wish=first")).json()["items"][0]
    assert (item["shape"], item["similarity"]) == ("0123456789abcdef", 0.25)
    assert (await client.get("/api/v1/rois?origin=operator")).json()["total"] == 0
    options = RecipeOptions(temperature_K=900)
    job = make.job().model_copy(
        update={"options": options, "attempt": 2, "step": 17, "worker": "node-3, Slurm 4711"}
    )
    service.session.apply(job)
    body = (await client.get("/api/v1/jobs/job-1")).json()
    assert (body["attempt"], body["step"], body["worker"]) == (2, 17, "node-3, Slurm 4711")
    assert body["options"]["temperature_K"] == 900
    assert (await client.get("/api/v1/jobs?recipe=md")).json()["total"] == 0
    assert (await client.get("/api/v1/jobs/none")).status_code == 404


async def test_all_answers_come_as_one_table_with_units_in_its_head(client, service, make) -> None:
    service.session.apply(make.roi())
    service.session.add_answer(make.answer("job-1", level="gfnff"), FINAL)
    answer = make.answer("job-2", level="gfn1")
    result = answer.result.model_copy(
        update={"formation_eV": -1.5, "uncertainty": {"size_eV": 0.25, "total_eV": 0.25}}
    )
    service.session.add_answer(answer.model_copy(update={"result": result}), FINAL)
    response = await client.get("/api/v1/answers?format=csv")
    assert response.headers["content-type"].startswith("text/csv")
    assert response.headers["content-disposition"].startswith("attachment")
    first, second = list(csv.DictReader(StringIO(response.text)))
    assert (first["level"], first["formation_eV"], first["error_total_eV"]) == ("gfnff", "", "")
    assert (second["defect"], second["C_Si_mean_A"]) == ("Si_C3", "1.75")
    assert (float(second["formation_eV"]), float(second["error_size_eV"])) == (-1.5, 0.25)
    only = (await client.get("/api/v1/answers?format=csv&level=gfn1")).text
    assert only.count("\n") == 2
