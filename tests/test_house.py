"""The walls that import-linter doesn't see: no circle anywhere, no code in `__init__.py`, and kinds that keep their names."""

from __future__ import annotations

import ast
from functools import cache
from importlib import import_module
from inspect import isabstract
from pathlib import Path
from pkgutil import walk_packages
from typing import TYPE_CHECKING, Any

import grimp
import pytest

import chalicelib.resources
from chalicelib.core.resource import Account, Resource, revive

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ROOT = Path(__file__).parents[1]
PACKAGES = ("chalicelib", "snapback", "tools", "bench", "tests")
KINDS = frozenset(
    """
    awslambda.Deployment awslambda.Function awslambda.FunctionUrl awslambda.Qualified cloudtrail.Trail codebuild.Project
    dynamodb.OwnTable dynamodb.Table dynamodb.TableOrStream ec2.Address ec2.DefaultGroup ec2.Described ec2.Image ec2.Instance ec2.NetworkAclEntry
    ec2.Peering ec2.SecurityGroup ec2.Snapshot ec2.Subnet ec2.Suspect ec2.TransitGateway ec2.Volume ec2.Vpc ecr.Image
    ecr.Repository ecs.Service ecs.TaskDefinition efs.FileSystem eks.AccessEntry eks.Cluster events.Bus events.OwnRule events.Rule glue.Catalog iam.AccessKey
    iam.Bounded iam.ConsoleUser iam.Identity iam.InstanceProfile iam.LeakedKey iam.ManagedPolicy iam.Role iam.ServerCertificate iam.Sessions
    iam.User organizations.OrganizationPolicy ram.ResourceShare resource.Account rolesanywhere.Profile
    kinesis.Stream kms.Key named.Named rolesanywhere.TrustAnchor s3.Bucket secretsmanager.Secret
    sns.Topic sqs.Queue sso.Assignment sso.PermissionSet
    """.split()  # noqa: SIM905 - a list would be forty lines
)
"""As they stand in ledgers: a record of a kind that is renamed can't be undone any more."""


@cache
def graph() -> Mapping[str, frozenset[str]]:
    """Whom each module imports, for type checking too."""
    found: Any = grimp.build_graph(*PACKAGES, exclude_type_checking_imports=False, cache_dir=None)
    return {name: frozenset(found.find_modules_directly_imported_by(name)) for name in found.modules}


def circles(imports: Mapping[str, Iterable[str]]) -> list[set[str]]:
    """Modules that import each other, directly or not: what each can reach, and be reached from."""
    reached = {name: _reach(imports, name) for name in imports}
    found: list[set[str]] = []
    for name in imports:
        circle = {other for other in reached[name] if name in reached[other]}
        if circle and circle not in found:
            found.append(circle)
    return found


def _reach(imports: Mapping[str, Iterable[str]], start: str) -> set[str]:
    seen: set[str] = set()
    ahead = [*imports[start]]
    while ahead:
        if (name := ahead.pop()) not in seen:
            seen.add(name)
            ahead += imports.get(name, ())
    return seen


def test_no_module_imports_itself_by_way_of_others() -> None:
    assert circles(graph()) == []


@pytest.mark.parametrize(
    "imports",
    [
        {"a": ["a.b"], "a.b": ["a"]},  # A package and its own child, which import-linter doesn't see.
        {"a": ["b"], "b": ["c"], "c": ["a"], "d": ["a"]},
    ],
)
def test_a_circle_is_seen(imports: Mapping[str, Iterable[str]]) -> None:
    (found,) = circles(imports)
    assert found == {name for name in imports if name != "d"}


def test_packages_hold_no_code_of_their_own() -> None:
    files = [path for package in PACKAGES for path in (ROOT / package).rglob("__init__.py")]
    assert len(files) > 50
    assert [path for path in files if path.read_text().strip()] == []


def test_the_entry_points_hold_no_logic() -> None:
    tree = ast.parse((ROOT / "app.py").read_text())
    imported = {each.module for each in ast.walk(tree) if isinstance(each, ast.ImportFrom)}
    assert imported == {"typing", "chalice", "chalicelib"}


def kinds() -> dict[str, type[Resource]]:
    modules = [
        import_module(each.name) for each in walk_packages(chalicelib.resources.__path__, "chalicelib.resources.")
    ]
    found = [value for module in modules for value in vars(module).values() if isinstance(value, type)]
    classes = {cls for cls in (*found, Account) if issubclass(cls, Resource) and cls is not Resource}
    named = {cls.kind(): cls for cls in classes}
    assert len(named) == len(classes), "two kinds of one name"
    return named


def test_kinds_are_called_by_their_service_whatever_their_file() -> None:
    assert set(kinds()) == KINDS


def test_each_kind_is_found_again_by_its_name() -> None:
    for kind, cls in kinds().items():
        if not isabstract(cls):
            assert revive(kind, "x", "123456789012", "us-east-1") == cls("x", "123456789012", "us-east-1")
    for kind in ("s3.Nothing", "nothing.Bucket", "", ".", "s3", "s3.", "ec2.Resource", "absent.absent", "ecr.images"):
        with pytest.raises(LookupError):
            revive(kind, "x", "123456789012", "us-east-1")
