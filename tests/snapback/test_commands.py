"""What holds for every command: options, examples, advice, groups."""

from __future__ import annotations

import ast
import re
from itertools import chain
from typing import TYPE_CHECKING

import click
import pytest

from snapback import cli
from tests.snapback.command import ROOT, complaint, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.world import World

pytestmark = pytest.mark.usefixtures("elsewhere")
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
WITHOUT_JSON = {"demo", "report", "console", "query", "settings schema"}
"""A story for people, pages, SQL, and JSON anyway."""
WITHOUT_STACK = {
    "demo",
    "replay",
    "report",
    "query",
    "catalog",
    "explain",
    "chat test",
    "package",
    "settings check",
    "settings schema",
}
"""They need nothing that is deployed."""
SAYS = {
    "chalicelib/aws/ledger_table.py": (
        "records",
        "show",
        "fix",
        "approve",
        "undo",
        "status",
        "pause",
        "resume",
        "sweep",
    ),
    "chalicelib/engine/take_back.py": ("undo",),
    "chalicelib/notify/message.py": ("undo",),
    "snapback/cli.py:invoke": ("dlq drop", "settings publish", "selftest", "destroy"),
    "snapback/deploy/cloudformation.py": ("deploy",),
    "snapback/doctor.py": ("doctor",),
    "snapback/dlq.py": ("dlq redrive",),
    "snapback/known.py:check_guardrails": ("sweep", "records", "replay", "permissions"),
    "snapback/known.py:check_services": ("sweep", "records", "replay"),
    "snapback/known.py:check_places": ("sweep", "records", "replay"),
    "snapback/known.py:check_times": ("records", "replay"),
    "snapback/ledger.py": ("sweep", "handle"),
    "snapback/plan.py": ("sweep",),
    "snapback/publish.py": ("settings publish",),
    "snapback/render.py:_most": ("replay", "handle"),
    "snapback/render.py:health_page": ("status",),
    "snapback/replay/choose.py": ("replay",),
}
"""Which commands say what a library's texts advise."""
NOT_OURS = {"snapback/deploy/wheels.py", "snapback/cli.py", "snapback/deploy/template/parts.py"}
"""pip's options, click's own, and a suffix of commands."""


def commands(group: click.Group = cli.main, before: str = "") -> Iterator[tuple[str, click.Command]]:
    for name in group.commands:
        command = group.commands[name]
        if isinstance(command, click.Group):
            yield from commands(command, f"{before}{name} ")
        else:
            yield f"{before}{name}", command


COMMANDS = dict(commands())


def options(name: str) -> set[str]:
    return {opt for each in COMMANDS[name].params for opt in each.opts} | {"--help"}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_an_example_and_json_and_stack_where_they_make_sense(name: str) -> None:
    assert f"Example: snapback {name}" in " ".join(run(*name.split(), "--help").stdout.split())
    assert ("--json" in options(name)) is (name not in WITHOUT_JSON)
    assert ("--stack" in options(name)) is (name not in WITHOUT_STACK)


def test_help_lists_every_command_in_a_group() -> None:
    assert sorted(chain.from_iterable(cli._GROUPS.values())) == sorted(cli.main.commands)
    shown = run("--help").stdout
    assert all(f"\n{title}:\n" in shown for title in cli._GROUPS)


def texts(path: Path) -> Iterator[tuple[str, set[str]]]:
    """Each text of a module that a person may read, with the functions around it."""
    tree = ast.parse(path.read_text())
    documentation = {
        id(each.body[0])
        for each in ast.walk(tree)
        if isinstance(each, (ast.Module, ast.ClassDef, ast.FunctionDef))
        and each.body
        and isinstance(each.body[0], ast.Expr)
    }

    def walk(node: ast.AST, around: set[str]) -> Iterator[tuple[str, set[str]]]:
        for child in ast.iter_child_nodes(node):
            if id(child) in documentation:
                continue
            if isinstance(child, ast.JoinedStr):
                yield (
                    "".join(str(each.value) if isinstance(each, ast.Constant) else "X" for each in child.values),
                    around,
                )
            elif isinstance(child, ast.Constant) and isinstance(child.value, str):
                yield child.value, around
            name = {child.name} if isinstance(child, (ast.FunctionDef, ast.ClassDef)) else set[str]()
            if not isinstance(child, ast.JoinedStr):
                yield from walk(child, around | name)

    yield from walk(tree, set())


def speakers(path: Path) -> dict[str, tuple[str, ...]]:
    """The commands of a module by their functions' names."""
    module = f"snapback.commands.{path.stem}"
    return {
        command.callback.__name__: (name,)
        for name, command in COMMANDS.items()
        if command.callback and command.callback.__module__ == module
    }


def advice() -> Iterator[tuple[str, str, str]]:
    """`file`, command and option of each text that names an option: the command that the text names, else whoever says it."""
    for path in sorted([*ROOT.glob("snapback/**/*.py"), *ROOT.glob("chalicelib/**/*.py")]):
        file = path.relative_to(ROOT).as_posix()
        if file in NOT_OURS or not OPTION.search(path.read_text()):
            continue
        mine = speakers(path)
        for text, around in texts(path):
            if OPTION.fullmatch(text) or "%" in text:
                continue  # An option's own name.
            named = re.findall(r"snapback ((?:[a-z]+ )+?)(?=[^`]*?--)([^`]*)", text)
            for words, rest in named:
                name = next((each for each in (words.strip(), words.split()[0]) if each in COMMANDS), "")
                yield from ((file, name, option) for option in OPTION.findall(rest))
            rest = re.sub(r"snapback [^`]*", "", text)
            said_by = chain.from_iterable(mine[each] for each in around if each in mine)
            for option in OPTION.findall(rest):
                for name in {
                    *said_by,
                    *chain.from_iterable(SAYS.get(each, ()) for each in (file, *(f"{file}:{one}" for one in around))),
                }:
                    yield file, name, option


def test_no_text_advises_an_option_that_its_command_lacks() -> None:
    found = list(advice())
    assert len(found) > 30
    wrong = [each for each in found if each[1] not in COMMANDS or each[2] not in options(each[1])]
    assert wrong == []


def test_every_library_with_advice_is_in_the_list() -> None:
    files = {each.partition(":")[0] for each in SAYS}
    silent = {file for file in NOT_OURS | files if not OPTION.search((ROOT / file).read_text())}
    assert silent == set()
    told = {file for file, _, _ in advice()}
    libraries = {each.relative_to(ROOT).as_posix() for each in ROOT.glob("snapback/*.py")}
    for file in sorted(libraries - NOT_OURS - told):
        spoken = [text for text, _ in texts(ROOT / file) if OPTION.search(text) and not OPTION.fullmatch(text)]
        assert spoken == [], f"{file}: name who says it in SAYS"


@pytest.mark.parametrize("name", SAYS["chalicelib/aws/ledger_table.py"])
def test_without_a_ledger_the_advice_names_the_table_the_region_and_the_stack(name: str, world: World) -> None:
    arguments = {"pause": ["--why", "x"], "sweep": ["--mode", "fix"]}.get(name, ["s3.1234"])
    if name in {"records", "status", "resume"}:
        arguments = []
    said = complaint(name, *arguments)
    for word in ("there is no ledger", "us-east-1", "SNAPBACK_LEDGER", "AWS_REGION", "--stack NAME"):
        assert word in said
    assert set(OPTION.findall(said)) <= options(name)
