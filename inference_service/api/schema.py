"""Writes the published contracts: ``python -m inference_service.api.schema``.

The OpenAPI document and the front end's types are made from the code; a test fails where the
committed files differ.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from inference_service.api.app_factory import create_app
from inference_service.api.keys import KeyRing, new_key
from inference_service.api.typescript import typescript
from inference_service.session import Session
from inference_service.settings import HttpSettings
from shared.clock import SystemClock

__all__ = ["CONTRACTS", "openapi"]

ROOT: Final = Path(__file__).parents[2]


def openapi() -> str:
    """Return the OpenAPI document of the REST API as JSON text."""
    keys = KeyRing(new_key(), SystemClock())
    app = create_app(Session(), HttpSettings(), keys=keys, readiness=lambda: ())
    return json.dumps(app.openapi(), indent=2, ensure_ascii=False) + "\n"


CONTRACTS: Final = {
    ROOT / "docs" / "reference" / "openapi.json": openapi,
    ROOT / "inference_service" / "dashboard" / "src" / "generated" / "messages.ts": typescript,
}
"""Where each generated file is kept, and what makes it."""


def main() -> None:
    """Write every generated file."""
    for path, make in CONTRACTS.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(make(), "utf-8")


if __name__ == "__main__":
    main()
