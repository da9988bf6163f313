"""The packaged template has each wire that there should be and no other, and each that is cut or put elsewhere is noticed."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from snapback.deploy.cloudformation import files, with_places
from tests.security.wiring import UNSEEN, mutants, wanted, wire_of, wired
from tests.support.nested import flat
from tools.lint_template import expanded

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def resources(packaged: Path) -> dict[str, Any]:
    sam = json.loads((packaged / "sam.json").read_text())
    named = files(sam, packaged)
    nested = {name: json.loads(content) for name, content in named.items() if name.endswith(".json")}
    home = expanded(with_places(sam, "code", {name: name for name in named}, str))
    found: dict[str, Any] = flat(home, nested)["Resources"]
    return found


def test_the_wires_are_those_that_there_should_be(resources: dict[str, Any]) -> None:
    there = wired(resources)
    should = wanted(*(there[f"SettingsChangedIn{where}"]["EventPattern"] for where in ("Ssm", "AppConfig")))
    assert there.keys() == should.keys()
    for name, wire in should.items():
        assert there[name] == wire, name


def test_each_wire_that_is_cut_or_put_elsewhere_is_noticed(resources: dict[str, Any]) -> None:
    """The wires are those that there should be, so another wire is one that the test above notices."""
    there, tried, survivors = wired(resources), Counter[str](), []
    for done, kind, name, mutant in mutants(resources):
        tried[kind] += 1
        noticed = mutant is None or wire_of(mutant) != there[name]
        if not noticed and not any(part in UNSEEN.get(kind, ()) for part in done.partition(" ")[2].split(".")):
            survivors.append((done, name))
    assert not survivors
    assert min(tried.values()) >= 4
