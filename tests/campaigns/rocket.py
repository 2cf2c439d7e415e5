"""`sim-dispatcher launch` as Slurm's jobs run it, with the engine that leaves a trace."""

from __future__ import annotations

import sys
from pathlib import Path

import typer

from sim_dispatcher.commands.launch import launch
from sim_dispatcher.launch import engine_process

if __name__ == "__main__":
    engine = (sys.executable, "-S", str(Path(__file__).with_name("engine.py")))
    engine_process.EngineProcess.__init__.__defaults__ = (1, engine, None)
    sys.argv.remove("launch")
    typer.run(launch)
