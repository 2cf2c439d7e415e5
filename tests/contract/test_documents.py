"""Documents keep to the facts of the tree: commands, links, paths and sizes."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted(
    path
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    if "node_modules" not in path.parts
)
README_WORDS_BEFORE_FIRST_COMMAND = 300
ADR_WORDS = 450
MACHINE_PATH = re.compile(r"(?<![\w.$}/-])/(work|home|Users|root|opt/(?!atomloop))(/|\b)[\w./-]*")
REGISTRY = re.compile(r"https?://[\w.-]*(pypi|artifactory|nexus|verdaccio)[\w.-]*[:/]")


def tracked() -> list[Path]:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: what belongs to the project is unknown")
    listing = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True
    )
    return [ROOT / name for name in listing.stdout.split("\0") if name]


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_a_document_names_exists(document: Path) -> None:
    text = document.read_text("utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    named = set(re.findall(r"(?:^|`|\$ )make ([a-z]+)", text, re.MULTILINE))
    assert named <= make_targets(), f"unknown make targets: {named - make_targets()}"
    scripts = set(re.findall(r"\.venv/bin/([a-z-]+)", text))
    known = {*project["scripts"], "pytest", "python", "ruff", "mypy", "lpad", "qlaunch", "pip"}
    assert scripts <= known, f"unknown console scripts: {scripts - known}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_relative_link_leads_somewhere(document: Path) -> None:
    text = document.read_text("utf-8")
    links = re.findall(r"\]\(([^)\s#]+)", text) + re.findall(
        r'(?:src|srcset|href)="([^"#]+)"', text
    )
    broken = [
        link
        for link in links
        if not re.match(r"[a-z]+:", link) and not (document.parent / link).exists()
    ]
    assert not broken, f"{document.name}: {broken}"


def test_every_folder_the_contributors_guide_names_exists() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    named = re.findall(r"`([a-z_]+/[a-z_/]*)`", text)
    assert len(named) > 10
    assert not [name for name in named if not (ROOT / name).is_dir()]


def test_readme_reaches_its_first_command_quickly() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    before, fence, _ = text.partition("```")
    assert fence, "README shows no command"
    assert len(before.split()) <= README_WORDS_BEFORE_FIRST_COMMAND
    assert {"make demo", "make test"} <= set(re.findall(r"^make \w+", text, re.MULTILINE))


def test_decisions_are_numbered_without_gaps_and_fit_a_page() -> None:
    decisions = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    numbers = [int(path.name[:4]) for path in decisions]
    assert numbers == list(range(1, len(numbers) + 1))
    long = {path.name: n for path in decisions if (n := len(path.read_text().split())) > ADR_WORDS}
    assert not long, f"over {ADR_WORDS} words: {long}"
    for path in decisions:
        assert re.search(r"^Status: (accepted|superseded by \d{4})", path.read_text(), re.MULTILINE)


def test_no_tracked_text_names_a_place_on_somebodys_machine() -> None:
    found = []
    for path in tracked():
        if path == Path(__file__) or not path.is_file() or path.suffix in {".onnx", ".dm4", ".png"}:
            continue
        text = path.read_bytes().decode("utf-8", errors="ignore")
        found += [f"{path.relative_to(ROOT)}: {hit.group()}" for hit in MACHINE_PATH.finditer(text)]
        found += [f"{path.relative_to(ROOT)}: {hit.group()}" for hit in REGISTRY.finditer(text)]
    assert not found, found


def test_the_changelog_keeps_its_form() -> None:
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert re.search(r"^## \[Unreleased\]", text, re.MULTILINE)
    headings = set(re.findall(r"^### (.+)", text, re.MULTILINE))
    assert headings <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_compose_runs_each_service_unprivileged_and_read_only() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
    ours = {name: s for name, s in compose["services"].items() if "build" in s}
    assert {"edge-agent", "inference-service", "sim-dispatcher"} <= ours.keys()
    for name, service in ours.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert str(service["user"]).split(":")[0] not in {"0", "root"}, name
        assert set(service.get("secrets", [])) <= compose["secrets"].keys(), name
        assert all(str(port).startswith("127.0.0.1:") for port in service.get("ports", [])), name
        assert (ROOT / service["build"]["dockerfile"]).is_file(), name
