"""The skeleton of a guardrail: its file, its test, its docs page. `make new NAME=<service>.<thing_what_happened>`."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from tools import generate

ROOT = Path(__file__).parents[1]

GUARDRAIL = '''from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.core.pattern import cloudtrail
from chalicelib.{module} import {resource}

if TYPE_CHECKING:
    from chalicelib.core.session import Session


@guardrail(
    severity=Severity.MEDIUM,
    resource={resource},
    on=cloudtrail("{service}", "TheEventName"),
    reads=("{service}:TheActionThatItNeeds",),
    fix=None,
    controls=(),
)
def {name}(resource: {resource}, aws: Session) -> str | None:
    """{title}.

    What the danger is; what the fix does, and what it leaves alone; when to exempt.
    """
    raise NotImplementedError("look at the resource through aws.client(...); say why it is unsafe, or return None")
'''

TEST = """from __future__ import annotations

from typing import Any

from tests.support.cases import Case
from tests.support.events import cloudtrail_event

if TYPE_CHECKING:
    from tests.support.events import Envelope
    from tests.support.world import World

ID = "{service}.{name}"


def unsafe(world: World) -> Envelope:
    raise NotImplementedError("make the resource unsafe through world.client(...), and answer the event")


def near_miss(world: World) -> Envelope:
    raise NotImplementedError("the closest thing that is to be let be")


def whole(world: World) -> Any:
    raise NotImplementedError("the resource's whole state, parts that no fix is about included")


def event(name: str) -> Envelope:
    return cloudtrail_event("{service}", "TheEventName", {{"resourceName": name}})


CASE = Case(unsafe=(unsafe,), near_misses=(near_miss,), whole=whole)
"""


class BadName(Exception):
    """Says what a guardrail's name looks like, or that there is one of this name."""


def files(id: str) -> dict[Path, str]:
    """What a new guardrail consists of. Raises BadName."""
    if not re.fullmatch(r"[a-z][a-z0-9]*\.[a-z][a-z0-9]*(_[a-z0-9]+)+", id):
        raise BadName(f"{id!r}: name it <service>.<thing_what_happened>, as in s3.bucket_made_public")
    service, name = id.split(".")
    code = ROOT / "chalicelib" / "guardrails" / service / f"{name}.py"
    test = ROOT / "tests" / "guardrails" / service / f"test_{name}.py"
    if code.exists() or test.exists():
        raise BadName(f"{id}: there is one already, at {code.relative_to(ROOT)}")
    module, resource = _resource(service)
    words = {"service": service, "name": name, "module": module, "resource": resource}
    words["title"] = name.replace("_", " ").capitalize()
    made = {code: GUARDRAIL.format(**words), test: TEST.format(**words)}
    made |= {path.parent / "__init__.py": "" for path in (code, test) if not (path.parent / "__init__.py").exists()}
    return made


def _resource(service: str) -> tuple[str, str]:
    """The service's first kind of resource, or the account where it has none yet."""
    path = ROOT / "chalicelib" / "resources" / f"{service}.py"
    found = re.search(r"^class (\w+)\(Resource\)", path.read_text(), re.MULTILINE) if path.exists() else None
    return (f"resources.{service}", found[1]) if found else ("core.resource", "Account")


def main(arguments: list[str]) -> int:
    try:
        made = files(arguments[0] if arguments else "")
    except BadName as error:
        print(f"snapback: {error}", file=sys.stderr)
        return 2
    for path, text in made.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        if text:
            print(path.relative_to(ROOT))
    return generate.main([])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
