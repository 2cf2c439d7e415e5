"""`python -m sim_dispatcher`: the same as `sim-dispatcher`."""

from __future__ import annotations

from sim_dispatcher.cli import app

app()
