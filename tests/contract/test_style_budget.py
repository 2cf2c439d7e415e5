"""The size of things: a budget on functions, files, signatures, docstrings and suppressions.

Cyclomatic complexity is ruff's part (C901 in `make lint`).
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("shared", "edge_agent", "inference_service", "sim_dispatcher", "deploy")
FUNCTION_LINES = 50
FUNCTION_P95 = 30
FILE_LINES = 400
PARAMETERS = 6
SUPPRESSIONS_PER_KLOC = 0.5
Function = ast.FunctionDef | ast.AsyncFunctionDef


class Source(NamedTuple):
    """One module, parsed."""

    path: Path
    tree: ast.Module
    code_lines: frozenset[int]
    comments: tuple[str, ...]

    def functions(self) -> Iterator[Function]:
        return (node for node in ast.walk(self.tree) if isinstance(node, Function))

    def name(self, node: ast.AST | None = None) -> str:
        line = getattr(node, "lineno", 1)
        return f"{self.path.relative_to(ROOT)}:{line} {getattr(node, 'name', '')}".rstrip()


@cache
def sources() -> tuple[Source, ...]:
    paths = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    return tuple(parse(path) for path in paths if "node_modules" not in path.parts)


def parse(path: Path) -> Source:
    text = path.read_text("utf-8")
    lines: set[int] = set()
    comments = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            comments.append(token.string)
        elif token.string.strip() and token.type != tokenize.ENDMARKER:
            lines.update(range(token.start[0], token.end[0] + 1))
    tree = ast.parse(text)
    for node in ast.walk(tree):  # docstrings are not code
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            lines.difference_update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return Source(path, tree, frozenset(lines), tuple(comments))


def length(source: Source, node: Function) -> int:
    return sum(node.lineno <= line <= (node.end_lineno or 0) for line in source.code_lines)


def parameters(node: Function) -> int:
    names = [arg.arg for arg in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
    return len([name for name in names if name not in {"self", "cls"}])


def test_functions_stay_short() -> None:
    lengths = {s.name(f): length(s, f) for s in sources() for f in s.functions()}
    too_long = {name: lines for name, lines in lengths.items() if lines > FUNCTION_LINES}
    assert not too_long, f"functions over {FUNCTION_LINES} code lines: {too_long}"
    assert sorted(lengths.values())[int(0.95 * len(lengths))] <= FUNCTION_P95


def is_command_line(path: Path) -> bool:
    return path.name == "cli.py" or path.parent.name == "commands"


def test_signatures_stay_small() -> None:
    """Command lines are exempt: typer writes each option as a parameter."""
    wide = [
        source.name(function)
        for source in sources()
        for function in source.functions()
        if not is_command_line(source.path) and parameters(function) > PARAMETERS
    ]
    assert not wide, f"more than {PARAMETERS} parameters: {wide}"


def test_files_stay_readable_in_one_sitting() -> None:
    long = {
        s.name(): n for s in sources() if (n := len(s.path.read_text().splitlines())) > FILE_LINES
    }
    assert not long, f"files over {FILE_LINES} lines: {long}"


def test_every_module_class_and_public_function_says_what_it_is_for() -> None:
    silent = [
        source.name(node)
        for source in sources()
        for node in public(source.tree)
        if not ast.get_docstring(node)
    ]
    assert not silent, f"no docstring: {silent}"


def public(tree: ast.Module) -> Iterator[ast.Module | ast.ClassDef | Function]:
    yield tree
    for node in tree.body:
        if not isinstance(node, (ast.ClassDef, *Function.__args__)) or node.name.startswith("_"):
            continue
        yield node
        if isinstance(node, ast.ClassDef):
            yield from (
                part
                for part in node.body
                if isinstance(part, Function) and not part.name.startswith("_")
            )


def test_suppressions_are_rare_and_say_why() -> None:
    found = [
        (source.name(), comment)
        for source in sources()
        for comment in source.comments
        if re.search(r"noqa|type: ignore", comment)
    ]
    thousands = sum(len(source.code_lines) for source in sources()) / 1000
    bare = [
        place for place in found if not re.search(r"(noqa: |ignore\[)[\w, -]+\]?.{8,}", place[1])
    ]
    assert not bare, f"suppressions without code and reason: {bare}"
    assert len(found) <= SUPPRESSIONS_PER_KLOC * thousands, f"{len(found)} suppressions: {found}"


@pytest.mark.parametrize("word", ["TO" + "DO", "FIX" + "ME", "XX" + "X"])
def test_no_unfinished_business_is_left_in_comments(word: str) -> None:
    places = [s.name() for s in sources() if any(word in comment for comment in s.comments)]
    assert not places, f"{word} in {places}"
