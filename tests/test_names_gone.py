"""Names that are gone stay gone: tests/names_gone.json, held against the syntax trees, keys and commands.

`names` are gone everywhere: as definitions, fields, parameters, attributes, keyword arguments and modules. Locals are
free. `definitions` are everyday words, of which only one definition is gone: `module:Class.name` or
`module:function.parameter`. `keys` are gone as keys of dicts, JSON and YAML, and as strings that name one. `prefixes` begin
keys of items in the ledger's table. `commands` are the command line's.
"""

from __future__ import annotations

import ast
import json
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from snapback.cli import main

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

ROOT = Path(__file__).parents[1]
FOLDERS = ("chalicelib", "snapback", "tools", "bench", "tests")
GONE: dict[str, list[str]] = json.loads((ROOT / "tests/names_gone.json").read_text())
OLD_BY_NATURE = {"tests/names_gone.json", "tests/case_names.json"}
"""They hold old names on purpose."""
_YAML_KEY = re.compile(r"^[ #-]*([A-Za-z_]\w*):", re.MULTILINE)
_FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef


def names(nodes: Iterable[ast.AST]) -> Iterator[tuple[int, str]]:
    """Each name that others can see or use, with its line."""
    for node in nodes:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.lineno, node.name
            case ast.arg():
                yield node.lineno, node.arg
            case ast.Attribute():
                yield node.lineno, node.attr
            case ast.keyword(arg=str(name)):
                yield node.value.lineno, name
        if isinstance(node, ast.Module | ast.ClassDef):
            yield from ((line, name) for name, line in _assigned(node.body))


def _assigned(body: list[ast.stmt]) -> Iterator[tuple[str, int]]:
    for statement in body:
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        yield from ((each.id, statement.lineno) for each in targets if isinstance(each, ast.Name))


def keys(nodes: Iterable[ast.AST]) -> Iterator[tuple[int, str]]:
    """Strings that name a field: keys of dicts, subscripts, first arguments; and each text that begins an item's key."""
    for node in nodes:
        match node:
            case ast.Dict():
                yield from _texts([key for key in node.keys if key])
            case ast.Subscript():
                yield from _texts([node.slice])
            case ast.Call():
                yield from _texts(node.args[:2])
            case ast.Compare(ops=[ast.In() | ast.NotIn(), *_]):
                yield from _texts([node.left])
            case ast.JoinedStr() if node.values:
                yield from _texts(node.values[:1])


def _texts(nodes: list[ast.expr]) -> Iterator[tuple[int, str]]:
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def definition(tree: ast.AST, path: str) -> bool:
    """Whether `Class.name`, `function` or `function.parameter` is there."""
    here: Any = tree
    for part in path.split("."):
        body = getattr(here, "body", [])
        found = [each for each in body if isinstance(each, _FUNCTIONS | ast.ClassDef) and each.name == part]
        arguments = here.args if isinstance(here, _FUNCTIONS) else None
        if found:
            here = found[0]
        elif arguments and part in {each.arg for each in ast.walk(arguments) if isinstance(each, ast.arg)}:
            here = arguments
        else:
            return part in {name for name, _ in _assigned(body)}
    return True


def faults(name: str, text: str, gone: Mapping[str, Collection[str]]) -> Iterator[str]:
    """Where a Python file has something that is gone."""
    nodes = list(ast.walk(ast.parse(text)))
    if Path(name).stem in gone["names"]:
        yield f"{name}: the module's name"
    yield from (f"{name}:{line}: {each}" for line, each in names(nodes) if each in gone["names"])
    yield from (f"{name}:{line}: the key {each!r}" for line, each in keys(nodes) if _is_gone_key(each, gone))


def _is_gone_key(text: str, gone: Mapping[str, Collection[str]]) -> bool:
    return text in gone["keys"] or text.startswith(tuple(gone["prefixes"]))


def data_faults(name: str, text: str, gone: Collection[str]) -> Iterator[str]:
    """Where a JSON or YAML file has a key that is gone."""
    found = _json_keys(json.loads(text)) if name.endswith(".json") else iter(_YAML_KEY.findall(text))
    yield from (f"{name}: the key {each!r}" for each in found if each in gone)


def _json_keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _json_keys(each)


@cache
def sources() -> dict[str, str]:
    files = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]
    assert len(files) > 300
    return {path.relative_to(ROOT).as_posix(): path.read_text() for path in [ROOT / "app.py", *files]}


def test_names_that_are_gone_stay_gone() -> None:
    gone = {kind: frozenset(each) for kind, each in GONE.items()}
    words = re.compile(
        rf"\b(?:{'|'.join(map(re.escape, gone['names'] | gone['keys']))})\b|{'|'.join(gone['prefixes'])}"
    )
    suspects = {name: text for name, text in sources().items() if words.search(name) or words.search(text)}
    found = [fault for name, text in suspects.items() for fault in faults(name, text, gone)]
    assert found == []


def test_definitions_of_everyday_words_stay_gone() -> None:
    trees: dict[str, ast.AST] = {}
    for each in GONE["definitions"]:
        module, _, path = each.partition(":")
        file = f"{module.replace('.', '/')}.py"
        assert file in sources(), f"{each}: there is no such module any more; write where it went, or drop the line"
        tree = trees.setdefault(file, ast.parse(sources()[file]))
        assert not definition(tree, path), each


def test_keys_that_are_gone_stay_gone_in_data() -> None:
    files = [*ROOT.glob("*.yaml"), *(ROOT / "docs").glob("*.json"), *(ROOT / "docs").glob("*.yaml")]
    files += [
        path
        for folder in ("chalicelib", "snapback")
        for kind in ("json", "yaml")
        for path in (ROOT / folder).rglob(f"*.{kind}")
    ]
    found: list[str] = []
    for path in files:
        name = path.relative_to(ROOT).as_posix()
        if name not in OLD_BY_NATURE:
            found += data_faults(name, path.read_text(), frozenset(GONE["keys"]))
    assert len(files) > 3
    assert found == []


def test_commands_that_are_gone_stay_gone() -> None:
    assert not set(main.commands) & set(GONE["commands"])


def test_each_list_is_sorted_and_says_each_name_once() -> None:
    assert all(each == sorted(set(each)) for each in GONE.values())
    assert all(re.fullmatch(r"[\w.]+:[\w.]+", each) for each in GONE["definitions"])


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("def told(): ...", "told"),
        ("class told: ...", "told"),
        ("def f(told): ...", "told"),
        ("def f(*, told=1): ...", "told"),
        ("f(told=1)", "told"),
        ("x.told", "told"),
        ("told = 1", "told"),
        ("class A:\n    told: int", "told"),
        ("{'asks': 1}", "the key 'asks'"),
        ("x['asks']", "the key 'asks'"),
        ("text(x, 'asks')", "the key 'asks'"),
        ("'asks' in x", "the key 'asks'"),
        ("f'ticket#{x}'", "the key 'ticket#'"),
        ("{'pk': 1, 'ticket#x': 2}", "the key 'ticket#x'"),
    ],
)
def test_what_is_gone_is_found(text: str, fault: str) -> None:
    gone: dict[str, Collection[str]] = {"names": {"told"}, "keys": {"asks"}, "prefixes": {"ticket#"}}
    (found,) = faults("chalicelib/x.py", text, gone)
    assert found.endswith(fault)


@pytest.mark.parametrize(
    "text", ["def f():\n    told = 1\n    return told", "x = 'told'", "def f():\n    for told in y: ...", "# told"]
)
def test_locals_and_texts_are_free(text: str) -> None:
    gone: dict[str, Collection[str]] = {"names": {"told"}, "keys": {"told"}, "prefixes": {"ticket#"}}
    assert not list(faults("chalicelib/x.py", text, gone))


def test_a_module_of_a_gone_name_is_found() -> None:
    gone: dict[str, Collection[str]] = {"names": {"told"}, "keys": (), "prefixes": ()}
    assert list(faults("chalicelib/core/told.py", "", gone)) == ["chalicelib/core/told.py: the module's name"]


@pytest.mark.parametrize("path", ["A.b", "A.c", "A", "f.x", "A.b.y", "D"])
def test_a_definition_is_found(path: str) -> None:
    tree = ast.parse("class A:\n    c: int\n    def b(self, *, y): ...\ndef f(x): ...\nD = 1")
    assert definition(tree, path)
    assert not definition(tree, f"{path}z")


def test_keys_of_data_are_found() -> None:
    assert list(data_faults("x.json", '{"a": [{"known": 1}]}', {"known"})) == ["x.json: the key 'known'"]
    assert list(data_faults("x.yaml", "a:\n  known:\n# - tend: 1\n", {"known", "tend"})) == [
        "x.yaml: the key 'known'",
        "x.yaml: the key 'tend'",
    ]


def test_docs_name_no_command_that_is_gone() -> None:
    pages = [ROOT / "README.md", ROOT / "SECURITY.md", *(ROOT / "docs").glob("*.md")]
    gone = re.compile("|".join(rf"snapback {name}\b" for name in GONE["commands"]))
    assert {page.name: found for page in pages if (found := gone.findall(page.read_text()))} == {}
