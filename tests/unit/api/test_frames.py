"""Frames and their atoms over HTTP: JSON with units in its names, extended XYZ for ASE."""

from __future__ import annotations

from io import StringIO

import numpy as np
import pytest
from ase.io import read

from shared.errors import UncalibratedError


async def test_latest_atoms_carry_units_and_both_estimates(service, client, make) -> None:
    name = service.show(make)
    body = (await client.get("/api/v1/frames/latest/atoms")).json()
    assert body["frame"] == name
    assert body["n_atoms"] == 3
    assert body["pixel_size_A"] == 0.2
    assert body["drift_A"] == [1.5, -0.5]
    assert body["convention"].startswith("x=column y=row")
    assert body["defects"][0]["type"] == "Si_C3"
    atom = body["atoms"][1]
    assert atom["element"] == "Si"
    assert (atom["x_px"], atom["y_px"]) == (7.5, 0.75)
    assert atom["sigma_px"] == pytest.approx(np.sqrt((0.06**2 + 0.08**2) / 2), abs=1e-4)
    assert set(atom) == {
        "x_px",
        "y_px",
        "sigma_x_px",
        "sigma_y_px",
        "sigma_px",
        "x_fit_px",
        "y_fit_px",
        "sigma_fit_px",
        "element",
        "p",
        "uncertainty",
        "coordination",
    }
    assert [a["element"] for a in body["atoms"]] == ["C", "Si", "X"]


@pytest.mark.parametrize("by", ["format", "accept"])
async def test_extended_xyz_is_read_by_ase_in_angstrom_without_periodicity(
    service, client, make, by
) -> None:
    name = service.show(make)
    path = f"/api/v1/frames/{name}/atoms"
    response = await client.get(
        f"{path}?format=extxyz" if by == "format" else path,
        headers={"accept": "chemical/x-extxyz"} if by == "accept" else {},
    )
    assert response.headers["content-type"].startswith("chemical/x-extxyz")
    assert "attachment" in response.headers["content-disposition"]
    structure = read(StringIO(response.text), format="extxyz")
    assert structure.get_chemical_symbols() == ["C", "Si"]
    assert not structure.pbc.any()
    np.testing.assert_allclose(structure.positions, [[0.25, 0.5, 0], [1.5, 0.15, 0]], atol=1e-7)
    np.testing.assert_allclose(structure.arrays["p"], [0.99, 0.75], atol=1e-6)
    sigma_A = 0.2 * np.sqrt([(0.03**2 + 0.04**2) / 2, (0.06**2 + 0.08**2) / 2])
    np.testing.assert_allclose(structure.arrays["sigma_A"], sigma_A, atol=1e-6)
    assert structure.info["frame"] == name
    assert structure.info["convention"].startswith("x=column y=row")
    assert "y downwards" in structure.info["convention"]


async def test_the_least_probability_is_the_callers_choice(service, client, make) -> None:
    service.show(make)
    path = "/api/v1/frames/latest/atoms"
    assert (await client.get(f"{path}?least_p=0.8")).json()["n_atoms"] == 1
    text = (await client.get(f"{path}?format=extxyz&least_p=0")).text
    assert text.splitlines()[0] == "3"


async def test_the_list_is_newest_first_and_capped(new_service, make) -> None:
    service = new_service(max_page=2)
    names = [service.show(make, index) for index in range(5)]
    async with service.client() as client:
        page = (await client.get("/api/v1/frames?limit=1000")).json()
        assert [item["name"] for item in page["items"]] == names[:2:-1]
        assert (page["total"], page["limit"]) == (5, 2)
        page = (await client.get("/api/v1/frames?limit=2&offset=4")).json()
        assert [item["name"] for item in page["items"]] == names[:1]


async def test_one_frame_tells_its_calibration_acquisition_and_analysis(
    service, client, make
) -> None:
    name = service.show(make)
    body = (await client.get(f"/api/v1/frames/{name}")).json()
    assert body["shape"] == [6, 9]
    assert body["calibration"] == {"pixel_size_A": 0.1, "source": "header"}
    assert body["analysis"]["pixel_size_source"] == "fft"
    assert body["acquisition"]["instrument"] == "scope"


async def test_a_frame_without_atoms_says_why(service, client, make) -> None:
    assert (await client.get("/api/v1/frames/latest/atoms")).json()["type"].endswith("no-frame-yet")
    frame = make.frame()
    service.session.add_frame(frame, make.pixels())
    waiting = await client.get(f"/api/v1/frames/{frame.name}/atoms")
    assert (waiting.status_code, waiting.json()["type"]) == (
        409,
        "urn:atomloop:problem:not-analysed-yet",
    )
    error = UncalibratedError("no lattice in it", remedy="give --pixel-size")
    service.session.add_failure(frame.name, error)
    failed = (await client.get(f"/api/v1/frames/{frame.name}/atoms")).json()
    assert (failed["detail"], failed["remedy"]) == ("no lattice in it", "give --pixel-size")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v1/frames/" + "0" * 64, 404),
        ("/api/v1/frames/..%2f..%2fetc", 404),
        ("/api/v1/frames/nonsense", 422),
        ("/api/v1/frames?limit=0", 422),
        ("/api/v1/frames?offset=-1", 422),
        ("/api/v1/frames/latest/atoms?format=cif", 422),
        ("/api/v1/frames/latest/atoms?least_p=2", 422),
        ("/nowhere", 404),
    ],
)
async def test_a_wrong_request_gets_a_problem_document_with_a_remedy(client, path, status) -> None:
    response = await client.get(path)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["remedy"]
