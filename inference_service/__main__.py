"""`python -m inference_service`."""

from inference_service.cli import app

app(prog_name="inference-service")
