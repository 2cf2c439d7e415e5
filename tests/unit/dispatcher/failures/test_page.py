"""The page about failures says what the policy does."""

from __future__ import annotations

from pathlib import Path

from sim_dispatcher.failures import FailureKind
from sim_dispatcher.failures.page import failures_page

PAGE = Path(__file__).resolve().parents[4] / "docs" / "failures.md"


def test_the_page_is_the_policy() -> None:
    remedy = "run: python -m sim_dispatcher.failures > docs/failures.md"
    assert PAGE.read_text("utf-8") == failures_page(), remedy


def test_every_kind_has_a_row() -> None:
    assert all(f"(`{kind}`)" in failures_page() for kind in FailureKind)
