"""ROIs, jobs and answers over HTTP."""

from __future__ import annotations

from io import BytesIO, StringIO

import numpy as np
import pytest
from ase.io import read
from PIL import Image


async def test_rois_are_listed_by_state_with_the_sitting_they_belong_to(
    service, client, make
) -> None:
    service.show(make)
    service.session.apply(make.roi("roi-1", "done"))
    service.session.apply(make.roi("roi-2", "refused", reason="too near the border"))
    page = (await client.get("/api/v1/rois")).json()
    assert [item["key"] for item in page["items"]] == ["roi-2", "roi-1"]
    page = (await client.get("/api/v1/rois?state=refused")).json()
    assert page["total"] == 1
    assert page["items"][0]["reason"] == "too near the border"
    assert page["items"][0]["session"] == "sitting-1"
    assert (await client.get("/api/v1/rois/roi-1")).json()["state"] == "done"


async def test_jobs_are_found_by_roi_and_state(service, client, make) -> None:
    service.session.apply(make.job("job-1", "roi-1", "running"))
    service.session.apply(make.job("job-2", "roi-2", "done"))
    assert (await client.get("/api/v1/jobs")).json()["total"] == 2
    items = (await client.get("/api/v1/jobs?roi=roi-2")).json()["items"]
    assert [item["key"] for item in items] == ["job-2"]
    items = (await client.get("/api/v1/jobs?state=running")).json()["items"]
    assert [item["key"] for item in items] == ["job-1"]


async def test_an_answer_keeps_its_nulls_and_its_structure_comes_as_it_was(
    service, client, make
) -> None:
    structure = "1\nProperties=species:S:1:pos:R:3\nSi 0 0 0\n"
    service.session.add_answer(make.answer(), structure)
    body = (await client.get("/api/v1/answers/roi-1")).json()["items"][0]
    assert body["result"]["formation_eV"] is None
    assert body["result"]["uncertainty"] is None
    assert body["provenance"]["structure"] == "cd" * 32
    response = await client.get("/api/v1/answers/roi-1/structure")
    assert response.text == structure
    assert 'filename="roi-1-gfn1.extxyz"' in response.headers["content-disposition"]


@pytest.mark.parametrize(("form", "ase_format"), [("cif", "cif"), ("poscar", "vasp")])
async def test_other_codes_get_the_cluster_in_a_box_with_its_distances_kept(
    service, client, make, form, ase_format
) -> None:
    structure = '3\nProperties=species:S:1:pos:R:3 pbc="F F F"\nC 0 0 0\nSi 0 1.75 0\nC 0 0 9\n'
    service.session.add_answer(make.answer(), structure)
    response = await client.get(f"/api/v1/answers/roi-1/structure?format={form}")
    assert f'filename="roi-1-gfn1.{form}"' in response.headers["content-disposition"]
    exported = read(StringIO(response.text), format=ase_format)
    silicon = exported.symbols.indices()["Si"][0]
    carbons = exported.symbols.indices()["C"]
    assert min(exported.get_distances(silicon, carbons)) == pytest.approx(1.75, abs=1e-4)
    assert exported.cell.lengths().tolist() == pytest.approx([12, 13.75, 21])


async def test_each_level_keeps_its_own_structure(service, client, make) -> None:
    service.session.add_answer(make.answer("job-1", level="gfn1"), "one")
    service.session.add_answer(make.answer("job-2", level="gfnff"), "two")
    path = "/api/v1/answers/roi-1/structure"
    assert (await client.get(path)).text == "two"
    assert (await client.get(f"{path}?level=gfn1")).text == "one"
    missing = await client.get(f"{path}?level=vasp")
    assert (missing.status_code, missing.json()["detail"]) == (
        404,
        "ROI roi-1 has no answer at level vasp.",
    )


async def test_what_is_not_there_is_a_404_with_the_way_on(client) -> None:
    for path in ("/api/v1/rois/roi-9", "/api/v1/answers/roi-9", "/api/v1/answers/roi-9/structure"):
        response = await client.get(path)
        assert response.status_code == 404
        assert "/api/v1/" in response.json()["remedy"]


async def test_what_the_microscope_showed_at_a_roi_outlives_its_frame(new_service, make) -> None:
    service = new_service()
    service.session._limits = service.session._limits.model_copy(update={"ring_frames": 1})
    name = service.show(make)  # pixels of 0.2 Å, drifted by 1.5 Å in rows and -0.5 Å in columns
    service.session.apply(make.roi(x_A=0.5, y_A=2.1, radius_A=0.1))
    service.show(make, 1)
    assert service.session.frame(name) is None
    async with service.client() as client:
        response = await client.get("/api/v1/rois/roi-1/image")
        assert response.headers["content-type"] == "image/png"
        assert response.headers["x-frame"] == name
        assert float(response.headers["x-pixel-size-a"]) == 0.2
        x_A, y_A = map(float, response.headers["x-origin-a"].split())
        picture = np.asarray(Image.open(BytesIO(response.content)))
        assert (x_A, y_A, picture.shape) == (0.0, 0.0, (6, 9))
        assert (picture[0, 0], picture[-1, -1]) == (0, 255)
        service.session.apply(make.roi("roi-2", frame="9" * 64))
        missing = await client.get("/api/v1/rois/roi-2/image")
        assert missing.json()["type"].endswith("no-image")


def test_pixels_about_rois_are_bounded_and_the_newest_stay(make, service) -> None:
    service.show(make)
    shelf = service.session.patches
    shelf._max_bytes = 250  # two patches of 54 pixels
    for number in range(3):
        service.session.apply(make.roi(f"roi-{number}"))
    kept = [shelf.get(f"roi-{number}") is not None for number in range(3)]
    assert kept == [False, True, True]


async def test_a_running_job_says_since_when(service, client, make, clock) -> None:
    service.session.apply(make.job(state="queued"))
    clock.now_s += 5
    service.session.apply(make.job())
    clock.now_s += 5
    service.session.apply(make.job())
    assert (await client.get("/api/v1/jobs/job-1")).json()["running_since_s"] == 105
    service.session.apply(make.job(state="done"))
    assert (await client.get("/api/v1/jobs/job-1")).json()["running_since_s"] is None
