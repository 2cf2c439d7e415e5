from __future__ import annotations

import subprocess
import sys

HEAVY = ("ase", "fastapi", "fireworks", "h5py", "nion", "numba", "pymongo", "scipy", "torch")
IMPORT_ALL = """
import importlib, pkgutil, sys, edge_agent
for module in pkgutil.walk_packages(edge_agent.__path__, "edge_agent."):
    if module.name not in ("edge_agent.__main__", "edge_agent.sources.nion"):
        importlib.import_module(module.name)
print(sorted(set(sys.modules) & set(sys.argv[1:])))
"""


def test_importing_the_edge_brings_nothing_heavy() -> None:
    """Everything but the one module that speaks to Nion, in a fresh process."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL, *HEAVY], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
