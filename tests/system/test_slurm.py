"""A real Slurm, driven by FireWorks' own qlaunch on the embedded database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.slurm_site import Cluster, running_cluster, unavailable

pytestmark = pytest.mark.slurm


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A Slurm of one node, for all tests of this module."""
    if reason := unavailable():
        pytest.skip(reason)
    with running_cluster() as cluster:
        yield cluster


def test_nothing_of_the_cluster_listens_beyond_this_machine(cluster: Cluster) -> None:
    assert cluster.listeners() == ["127.0.0.1"] * 2
