"""Status, session, probes and metrics."""

from __future__ import annotations

import re

from prometheus_client.parser import text_string_to_metric_families

from inference_service.readiness import Dependency
from shared.errors import UncalibratedError
from shared.messages import EdgeStatus


async def test_status_tells_of_frames_peers_and_work(service, client, make, clock) -> None:
    service.show(make, 4)
    service.session.apply(make.roi())
    service.session.apply(make.job())
    clock.now_s += 2.5
    body = (await client.get("/api/v1/status")).json()
    assert body["session"] == "sitting-1"
    assert body["newest_frame"]["index"] == 4
    assert body["newest_frame"]["age_s"] == 2.5
    assert body["rois"] == {"queued": 1}
    assert body["jobs"] == {"running": 1}
    assert body["edge"]["connected"] is False
    assert body["revision"] == service.session.revision


async def test_the_session_counts_what_is_in_memory(service, client, make, clock) -> None:
    assert (await client.get("/api/v1/session")).json()["session"] is None
    service.show(make, 0, "sitting-0")
    clock.now_s += 1
    for index in (7, 8):
        service.show(make, index)
    body = (await client.get("/api/v1/session")).json()
    assert (body["session"], body["first_index"], body["last_index"]) == ("sitting-1", 7, 8)
    assert body["frames_in_memory"] == 2


async def test_alive_while_not_ready_and_each_missing_dependency_is_named(
    service, stranger
) -> None:
    service.dependencies += [
        Dependency(name="link", ready=True, detail="listening"),
        Dependency(name="detector", ready=False, detail="model loading", remedy="wait"),
    ]
    assert (await stranger.get("/livez")).status_code == 200
    response = await stranger.get("/readyz")
    assert response.status_code == 503
    missing = [d for d in response.json()["dependencies"] if not d["ready"]]
    assert [(d["name"], d["detail"], d["remedy"]) for d in missing] == [
        ("detector", "model loading", "wait")
    ]


async def test_a_dependency_that_is_not_required_does_not_stop_the_service(
    service, stranger
) -> None:
    service.dependencies.append(
        Dependency(name="dispatcher", ready=False, required=False, detail="not connected")
    )
    assert (await stranger.get("/readyz")).status_code == 200


async def samples(client) -> dict[str, float]:
    text = (await client.get("/metrics")).text
    return {
        sample.name + "".join(f"[{value}]" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_metrics_follow_the_session_in_base_units(service, client, make, clock) -> None:
    service.show(make, 0)
    refused = make.frame(1)
    service.session.add_frame(refused, make.pixels())
    service.session.add_failure(refused.name, UncalibratedError("no", remedy="yes"))
    service.session.apply(make.roi(state="done"))
    service.session.apply(
        EdgeStatus(
            source="s", state="acquiring", offered=9, accepted=7, skipped=2, unacknowledged=0
        )
    )
    clock.now_s += 3
    found = await samples(client)
    assert found["atomloop_frames_total[received]"] == 2
    assert found["atomloop_frames_total[analysed]"] == 1
    assert found["atomloop_frames_total[failed]"] == 1
    assert found["atomloop_frame_stage_seconds_sum[detect]"] == 0.2
    assert found["atomloop_frame_age_seconds"] == 3
    assert found["atomloop_rois[done]"] == 1
    assert found["atomloop_rois[failed]"] == 0
    assert found["atomloop_orders[waiting]"] == 0
    assert found["atomloop_edge_frames_total[skipped]"] == 2
    assert found["atomloop_peer_connected[edge]"] == 1
    assert found["atomloop_dose_electrons_per_square_angstrom"] == 4.5e5


async def test_metric_names_carry_the_project_and_no_label_grows_with_use(
    service, client, make
) -> None:
    for index in range(20):
        service.show(make, index)
        service.session.apply(make.roi(f"roi-{index}"))
    before = set(await samples(client))
    assert all(name.startswith("atomloop_") for name in before)
    assert not any(re.search(r"roi-\d|[0-9a-f]{32}", name) for name in before)
    for index in range(20, 40):
        service.show(make, index)
        service.session.apply(make.roi(f"roi-{index}"))
    assert set(await samples(client)) == before
