"""`python -m inference_service.training`: the training command by itself."""

import typer

from inference_service.commands.train import train

__all__: list[str] = []

if __name__ == "__main__":
    typer.run(train)
