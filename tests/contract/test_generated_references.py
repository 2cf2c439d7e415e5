"""Generated references are what the code says today; `make schema` writes them anew."""

from __future__ import annotations

from pathlib import Path

from shared.messages.schema import message_schema

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference"


def test_the_published_message_schema_is_what_the_code_defines() -> None:
    published = (REFERENCE / "messages.json").read_text("utf-8")
    assert published == message_schema(), "run `make schema` and commit what it writes"
