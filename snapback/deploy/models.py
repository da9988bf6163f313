"""botocore's service models, trimmed to the operations that the functions call, and found in their code.

botocore takes 120 ms of CPU and 35 MB to read EC2's whole model, of 830 operations; the functions call 75 of them. A name that is
taken for an operation's without need costs a few bytes. `chalicelib.aws.models` reads what is written here.
"""

from __future__ import annotations

import ast
import json
import re
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from botocore import xform_name
from botocore.exceptions import DataNotFoundError, UnknownServiceError
from botocore.loaders import Loader

from chalicelib.aws.models import DATA, INDEX, LEFT_OUT, TYPES
from chalicelib.aws.sessions import _READS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from pathlib import Path

BY_LIBRARIES: Mapping[str, frozenset[str]] = {
    "sts": frozenset({"AssumeRole"}),
    "s3": frozenset({"HeadBucket", "CreateSession"}),
    "ssm": frozenset({"GetParameter"}),
    "secretsmanager": frozenset({"GetSecretValue"}),
    "appconfigdata": frozenset({"StartConfigurationSession", "GetLatestConfiguration"}),
}
"""What botocore calls of its own accord, for roles and to find buckets, and what powertools calls."""


class Names:
    """What the code could mean by the name of an operation.

    That is: a method, or text that is one (of a paginator); the name of an operation that reads (others are the names of
    events); or an f-string whose gaps other texts of the code fill.
    """

    def __init__(self, trees: Iterable[ast.AST]) -> None:
        self.services = set(BY_LIBRARIES)
        self._exact: set[str] = set()
        made: set[str] = set()
        for node in (each for tree in trees for each in ast.walk(tree)):
            match node:
                case ast.Call(
                    func=ast.Attribute(attr="client") | ast.Name(id="client"),
                    args=[ast.Constant(value=str(service)), *_],
                ):
                    self.services.add(service)
                case ast.Attribute(attr=name) | ast.Constant(value=str(name)):
                    self._exact.add(name)
                case ast.JoinedStr(values=parts):
                    made.add(_pattern(parts))
        self._made = [re.compile(each) for each in sorted(made - {""})]
        self._words = {xform_name(each) for each in self._exact if re.fullmatch("[A-Za-z_]+", each)}

    def calls(self, operation: str) -> bool:
        method = xform_name(operation)
        if method in self._exact or (operation in self._exact and _READS.match(operation)):
            return True
        found = (each.fullmatch(method) for each in self._made)
        return any(self._words.issuperset(each.groups()) for each in found if each)


def _pattern(parts: list[ast.expr]) -> str:
    """For an f-string of words and underscores, with at least one next to the other; else nothing."""
    texts = [str(part.value) if isinstance(part, ast.Constant) else "" for part in parts]
    written = "".join(texts)
    return "".join(each or r"(\w+)" for each in texts) if re.fullmatch("[a-z_]*([a-z]_|_[a-z])[a-z_]*", written) else ""


def called(code: Path, loader: Loader) -> dict[str, list[str]]:
    """By service, the operations that the Python files of a folder may call."""
    names = Names(ast.parse(path.read_text()) for path in sorted(code.rglob("*.py")))
    found = {}
    for service in sorted(names.services):
        own = BY_LIBRARIES.get(service, frozenset())
        every = loader.load_service_model(service, "service-2")["operations"]
        found[service] = [each for each in every if each in own or names.calls(each)]
    return found


def build(code: Path, target: Path, library: Path) -> None:
    """Writes into a new folder what the operations that the code calls need of a botocore's data."""
    (version,) = re.findall(r"^__version__ = '(.+)'$", (library / "__init__.py").read_text(), re.MULTILINE)
    loader = Loader(extra_search_paths=[str(library / "data")], include_default_search_paths=False)
    operations = called(code, loader)
    target.mkdir(parents=True)
    services, prefixes = {}, set()
    for service, wanted in operations.items():
        model = loader.load_service_model(service, "service-2")
        services[service] = model["metadata"]["apiVersion"]
        prefixes |= {service, model["metadata"]["endpointPrefix"]}
        _write(target, f"{service}.service-2", trimmed(model, wanted))
        for kind in TYPES[1:]:
            with suppress(UnknownServiceError, DataNotFoundError):  # Not each service has waiters.
                _write(target, f"{service}.{kind}", loader.load_service_model(service, kind))
    for name in DATA:
        data_of_all = loader.load_data(name)
        _write(target, name, _endpoints(data_of_all, prefixes) if name == "endpoints" else data_of_all)
    (target / INDEX).write_text(json.dumps({"botocore": version, "services": services}))


def prune(models: Path, library: Path) -> None:
    """Leaves in a botocore's data what stands behind trimmed models: the same services, whole, and what is about all of them."""
    services = json.loads((models / INDEX).read_text())["services"]
    for folder in (each for each in (library / "data").iterdir() if each.is_dir()):
        if folder.name not in services:
            shutil.rmtree(folder)
        for version in (each for each in folder.glob("*") if each.name != services[folder.name]):
            shutil.rmtree(version)
        for examples in folder.glob("*/examples-1.json*"):
            examples.unlink()


def trimmed(model: Mapping[str, Any], wanted: Collection[str]) -> dict[str, Any]:
    """The operations, what they name, and all errors, since an answer may be any of them; documentation is emptied."""
    operations = {name: each for name, each in model["operations"].items() if name in wanted}
    shapes = model["shapes"]
    needed: set[str] = set()
    waiting = [name for each in operations.values() for name in _named(each)]
    waiting += [name for name, each in shapes.items() if each.get("exception")]
    while waiting:
        if (name := waiting.pop()) not in needed:
            needed.add(name)
            waiting += _named(shapes[name])
    return {
        **{name: each for name, each in model.items() if name != "examples"},
        "operations": _silent(operations),
        "shapes": _silent({name: each for name, each in shapes.items() if name in needed}),
        "documentation": "",
        LEFT_OUT: {xform_name(name): name for name in model["operations"] if name not in wanted},
    }


def _named(part: Any) -> Iterator[str]:
    """The shapes that a part of a model names."""
    match part:
        case {"shape": str(name)}:
            yield name
    for each in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from _named(each)


def _silent(part: Any) -> Any:
    """With empty documentation: botocore's handlers of S3 expect some."""
    if isinstance(part, dict):
        return {
            name: "" if name == "documentation" and isinstance(each, str) else _silent(each)
            for name, each in part.items()
        }
    return [_silent(each) for each in part] if isinstance(part, list) else part


def _endpoints(data: Mapping[str, Any], prefixes: Collection[str]) -> dict[str, Any]:
    def of(partition: Mapping[str, Any]) -> dict[str, Any]:
        services = {name: each for name, each in partition["services"].items() if name in prefixes}
        return {**partition, "services": services}

    return {**data, "partitions": [of(each) for each in data["partitions"]]}


def _write(target: Path, name: str, data: Any) -> None:
    (target / f"{name}.json").write_text(json.dumps(data, separators=(",", ":")))
