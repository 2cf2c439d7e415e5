"""FireWorks' own tests on our server: each passes, or is listed here with why it does not.

The default run leaves out what takes more than five seconds of waiting;
`ATOMLOOP_FIREWORKS_SUITE=full` runs everything (two and a half minutes, most of them sleep).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree as ET

import fireworks
import pytest

from sim_dispatcher.database.hosting import hosted

pytestmark = pytest.mark.system

SUITE = ("core/tests", "tests", "utilities/tests", "features/tests", "scripts/tests",
         "user_objects", "tests/mongo_tests.py", "tests/multiprocessing_tests.py")  # fmt: skip
"""The last two are not collected by their names alone."""

NOT_IN_THE_WHEEL = "reads a data file that FireWorks' wheel does not contain"
MONTY = "calls monty's zopen() without a mode, which the installed monty requires"
GRAPHVIZ = "needs graphviz, which is not installed"

FAILS: Mapping[str, str] = {
    "LaunchPadOfflineTest::test__recover_completed": MONTY,
    "GridfsStoredDataTest::test_many_detours_offline": MONTY,
    "SerializationTest::test_unicode_json_file": NOT_IN_THE_WHEEL,
    "SerializationTest::test_unicode_yaml_file": NOT_IN_THE_WHEEL,
    "FilePadTest::test_add_file": NOT_IN_THE_WHEEL,
    "FilePadTest::test_add_file_with_no_identifier": NOT_IN_THE_WHEEL,
    "FilePadTest::test_delete_file": NOT_IN_THE_WHEEL,
    "FilePadTest::test_get_file": NOT_IN_THE_WHEEL,
    "FilePadTest::test_update_file": NOT_IN_THE_WHEEL,
    "FilePadTest::test_update_file_by_id": NOT_IN_THE_WHEEL,
    "test_visualize::test_wf_to_graph": GRAPHVIZ,
    "FileWriteDeleteTest::test_run": NOT_IN_THE_WHEEL,
    "CompressDecompressArchiveDirTest::test_compress_dir": NOT_IN_THE_WHEEL,
    "FilePadTasksTest::test_addfilesfrompatterntask_run": NOT_IN_THE_WHEEL,
    "FilePadTasksTest::test_addfilestask_run": NOT_IN_THE_WHEEL,
    "FilePadTasksTest::test_getfilestask_run": NOT_IN_THE_WHEEL,
    "CommonAdapterTest::test_override": NOT_IN_THE_WHEEL,
    "CommonAdapterTest::test_serialization": NOT_IN_THE_WHEEL,
    "CommonAdapterTest::test_status_cmd_pbs": NOT_IN_THE_WHEEL,
    "CommonAdapterTest::test_yaml_load": NOT_IN_THE_WHEEL,
}
"""What fails, and why; none of it is the database's doing."""

NO_USERS = "our server has no users; its socket's file mode lets one user in"
OLD_PYMONGO = "FireWorks skips it with every pymongo after 3"
FIREWORKS_SAYS_SO = "FireWorks skips it: it fails after another test's fix"

SKIPS: Mapping[str, str] = {
    "AuthenticationTest::test_authenticating_to_users_db": NO_USERS,
    "AuthenticationTest::test_authsource_inferred_from_db_name": NO_USERS,
    "AuthenticationTest::test_no_admin_privileges_for_plebs": NO_USERS,
    "LaunchPadLostRunsDetectTest::test_detect_lostruns": OLD_PYMONGO,
    "LaunchPadLostRunsDetectTest::test_detect_lostruns_defuse": OLD_PYMONGO,
    "LaunchPadLostRunsDetectTest::test_state_after_run_start": OLD_PYMONGO,
    "FilePadTasksTest::test_getfilesbyquerytask_run": FIREWORKS_SAYS_SO,
}

WAITS = {
    "WFLockTest": "test_fix_db_inconsistencies",
    "GridfsStoredDataTest": "test_many_detours",
    "WorkflowFireworkStatesTest": "test_rerun or test_defuse_fw_after_completion",
    "TrackerTest": "test_tracker_mlaunch",
}
"""Tests that wait for seconds, by class."""

UNCOLLECTABLE = ("utilities/tests/test_dagflow.py",)
"""Needs igraph, which FireWorks installs as an extra only."""


def run_suite(folder: Path, *, full: bool) -> dict[str, str]:
    """Run the tests out of a copy of the package; return each one's outcome by class and name."""
    installed = Path(fireworks.__file__).parent
    copy, work = folder / "lib" / "fireworks", folder / "work"
    shutil.copytree(installed, copy, ignore=shutil.ignore_patterns("__pycache__", "flask_site"))
    work.mkdir()
    here = str(Path(__file__).parent)
    selection = " or ".join(f"({owner} and ({tests}))" for owner, tests in WAITS.items())
    with hosted(folder / "db") as uri:
        subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "pytest", "-q", "--timeout=110",
             "-p", "fireworks_on_our_server", "-p", "no:cacheprovider", "-p", "no:randomly",
             "-c", os.devnull, "--rootdir", str(work), "-o", "markers=mongodb",
             f"--junitxml={folder / 'outcome.xml'}",
             *([] if full else ["-k", f"not ({selection})"]),
             *(f"--ignore={copy / name}" for name in UNCOLLECTABLE),
             *(str(copy / name) for name in SUITE)],
            cwd=work, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=400,
            env={**os.environ, "ATOMLOOP_TEST_URI": uri, "TMPDIR": str(work),
                 "PYTHONPATH": os.pathsep.join((str(folder / "lib"), here))},
        )  # fmt: skip
    return _outcomes(folder / "outcome.xml")


def _outcomes(report: Path) -> dict[str, str]:
    found = {}
    for case in ET.parse(report).iter("testcase"):
        owner = case.get("classname", "").rpartition(".")[2]
        kinds = {child.tag for child in case}
        outcome = "failed" if kinds & {"failure", "error"} else "passed"
        found[f"{owner}::{case.get('name')}"] = "skipped" if "skipped" in kinds else outcome
    return found


@pytest.mark.timeout(450)
def test_fireworks_own_tests_pass_on_our_server_but_for_those_listed(tmp_path: Path) -> None:
    full = os.environ.get("ATOMLOOP_FIREWORKS_SUITE") == "full"
    found = run_suite(tmp_path, full=full)
    failed = {name for name, outcome in found.items() if outcome == "failed"}
    skipped = {name for name, outcome in found.items() if outcome == "skipped"}
    assert failed <= FAILS.keys(), f"not listed: {sorted(failed - FAILS.keys())}"
    assert skipped <= SKIPS.keys(), f"not listed: {sorted(skipped - SKIPS.keys())}"
    assert len(found) - len(failed) - len(skipped) >= (138 if full else 125)
    if full:
        assert failed == FAILS.keys()
