"""FireWorks' files for a site, and which jobs go there."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from fireworks import FWorker, LaunchPad
from fireworks.user_objects.queue_adapters.common_adapter import CommonAdapter
from pydantic import ValidationError
from ruamel.yaml import YAML

from shared.errors import ConfigurationError
from shared.settings import load_settings
from sim_dispatcher.batch.routing import BatchRouter
from sim_dispatcher.batch.script import read_script
from sim_dispatcher.batch.settings import BatchSettings
from sim_dispatcher.batch.site_files import Site, read_adapter, write_site
from sim_dispatcher.launch.firetasks.compute import TASK_NAME
from sim_dispatcher.launch.routing import BATCH, LOCAL, LONG, QUICK
from sim_dispatcher.ledger import JobSpec
from sim_dispatcher.settings import DispatcherSettings


def make(tmp_path: Path, **settings: Any) -> Site:
    return Site(
        BatchSettings(folder=tmp_path / "batch", **settings),
        "mongodb://%2Fsrv%2Fmongodb.sock/?directConnection=true",
        None,
        tmp_path / "site.toml",
    )


def spec(**changes: Any) -> JobSpec:
    fields: dict[str, Any] = {
        "key": "a", "roi": "r", "recipe": "relax", "level": "gfn1", "structure": "91\n\nC 0 0 0\n",
        "frame": "0" * 64, "model": "1" * 64, "created_at_ns": 1,
    }  # fmt: skip
    return JobSpec(**{**fields, **changes})


def test_fireworks_reads_its_files(tmp_path: Path) -> None:
    site = make(tmp_path, account="physics")
    paths = {path.name: path for path in write_site(site)}
    worker = FWorker.from_file(str(paths["my_fworker.yaml"]))
    assert worker.category == BATCH
    assert worker.query["spec._tasks.0._fw_name"] == TASK_NAME
    launchpad = YAML(typ="safe", pure=True).load(paths["my_launchpad.yaml"].read_text())
    assert (launchpad["name"], launchpad["uri_mode"]) == ("atomloop", True)
    assert set(launchpad) <= set(LaunchPad.__init__.__code__.co_varnames)
    adapter = CommonAdapter.from_dict(read_adapter(site))
    adapter["job_name"] = "key-1"
    adapter["rocket_launch"] += " --fw_id 7"
    script = adapter.get_script_str(str(tmp_path))
    assert read_script(script).name == "key-1"
    assert "--account=physics" in script
    config = YAML(typ="safe", pure=True).load(paths["FW_config.yaml"].read_text())
    assert config["QUEUE_JOBNAME_MAXLEN"] == 64


def test_the_files_are_for_their_owner_alone_and_the_program_can_be_run(tmp_path: Path) -> None:
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in write_site(make(tmp_path))}
    assert modes.pop("submit") == 0o700
    assert set(modes.values()) == {0o600}


def test_a_path_that_a_script_could_misread_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot stand in a job script"):
        write_site(make(tmp_path / "a b"))
    with pytest.raises(ConfigurationError):
        write_site(make(tmp_path / "$(touch x)"))


def test_the_adapter_is_read_as_the_site_left_it(tmp_path: Path) -> None:
    site = make(tmp_path)
    with pytest.raises(ConfigurationError, match="cannot be read") as missing:
        read_adapter(site)
    assert "batch init" in str(missing.value.remedy)
    write_site(site)
    path = site.folder / "my_qadapter.yaml"
    path.write_text(path.read_text().replace('"queue": "live"', '"queue": "long"'))
    assert read_adapter(site)["queue"] == "long"
    path.write_text("- a\n- list\n")
    with pytest.raises(ConfigurationError, match="not a mapping"):
        read_adapter(site)


def test_by_default_nothing_goes_to_slurm_and_the_force_field_has_its_own_lane() -> None:
    router = BatchRouter(BatchSettings())
    assert router.route(spec(level="gfnff")).category == QUICK
    for long in (spec(level="gfnff", recipe="md"), spec(recipe="error_bar"), spec(level="pyscf")):
        assert router.route(long).category == LONG
    assert router.route(spec(level="gfn1")).category == LOCAL
    assert router.route(spec(level="gfn1")).request is None


@pytest.mark.parametrize(
    "settings", [{"levels": ["gfn1"]}, {"recipes": ["relax"]}, {"min_atoms": 91}]
)
def test_level_recipe_or_size_send_a_job_to_slurm(settings: dict[str, Any]) -> None:
    router = BatchRouter(BatchSettings(**settings, walltime_min=90, memory_MB=4000))
    route = router.route(spec())
    assert route.category == BATCH
    assert route.request is not None
    assert route.request.as_document() == {
        "queue": "live", "walltime": "01:30:00", "cpus_per_task": 1, "mem": "4000M",
    }  # fmt: skip
    small = router.route(spec(level="gfnff", recipe="image", structure="12\n\nC 0 0 0\n"))
    assert small.category == QUICK


def test_what_the_operator_picked_goes_to_the_urgent_partition() -> None:
    router = BatchRouter(BatchSettings(levels=["gfn1"]))
    picked = router.route(spec(priority=1000.7)).request
    usual = router.route(spec(priority=31.0)).request
    assert picked is not None
    assert usual is not None
    assert (picked.queue, usual.queue) == ("urgent", "live")


@pytest.mark.parametrize(
    "value", ["live\n", "a b", "$(x)", "-live", "", "x" * 40, "live;x", "live,urgent", "é"]
)
def test_settings_hold_no_name_that_a_script_could_misread(value: str) -> None:
    for field in ("partition", "urgent_partition", "account", "qos", "constraint"):
        with pytest.raises(ValidationError):
            BatchSettings.model_validate({field: value})


def test_a_warning_that_leaves_no_time_to_compute_is_refused() -> None:
    with pytest.raises(ValidationError, match="at least 32 would"):
        BatchSettings(walltime_min=30, warning_s=1800)
    assert BatchSettings(walltime_min=4).warning_s == 120


def test_the_example_for_a_site_is_in_order() -> None:
    example = Path(__file__).resolve().parents[4] / "deploy" / "slurm" / "site.toml"
    settings = load_settings(DispatcherSettings, example)
    router = BatchRouter(settings.batch)
    assert router.route(spec(recipe="md")).category == BATCH
    assert router.route(spec()).category == LOCAL


def test_the_workers_query_asks_for_nothing_that_only_mongodb_knows(tmp_path: Path) -> None:
    write_site(make(tmp_path))
    worker = FWorker.from_file(str(tmp_path / "batch" / "my_fworker.yaml"))
    operators = {word for word in json.dumps(worker.query).split('"') if word.startswith("$")}
    assert operators == {"$size", "$exists", "$or"}
