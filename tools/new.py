"""The skeleton of a guardrail: its file, its card, its test, its docs page. `make new NAME=<service>.<thing_what_happened>`."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from inspect import isabstract
from pathlib import Path
from typing import TYPE_CHECKING, Any

from policy_sentry.querying.all import get_all_service_prefixes
from policy_sentry.shared.iam_data import get_service_prefix_data

from chalicelib import catalog
from chalicelib.core.resource import Account, Resource
from chalicelib.core.rule import Guardrail

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]

GUARDRAIL = '''from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from {module} import {resource}

if TYPE_CHECKING:
    from chalicelib.core.session import Session


@guardrail(
    severity=Severity.MEDIUM,
    resource={resource},
    on=cloudtrail("{prefix}", "{event}"),
    reads=({reads}),
    fix=None,
    controls=(),
)
def {name}(resource: {resource}, aws: Session) -> str | None:
    """{title}.

    What the danger is; what the fix does, and what it leaves alone; when to exempt.

    Legitimate look-alikes: what set-up that is right looks like this, and how it is told apart; or `none.`, and why.
    """
    raise NotImplementedError("Read the resource with aws.client(...). Return why it is unsafe, or None.")
'''

CARD = """why: Say in one sentence what happens to you if nobody acts on this finding about {name}.
right_way: none, because the card of {name} is a skeleton
technique: none, because the card of {name} is a skeleton
prevention: none, because the card of {name} is a skeleton
uses: none, because the card of {name} is a skeleton
"""

TEST = '''from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.cases import Case
from tests.support.events import cloudtrail_event

if TYPE_CHECKING:
    from tests.support.events import Envelope
    from tests.support.world import World

ID = "{id}"


def unsafe(world: World) -> Envelope:
    """Make the resource unsafe with world.client(...), and return the event of that change."""
    return cloudtrail_event("{prefix}", "{event}", {{"resourceName": "web"}})


def near_miss(world: World) -> Envelope:
    """The closest thing that is safe, and its event."""
    return cloudtrail_event("{prefix}", "{event}", {{"resourceName": "web"}})


def whole(world: World) -> Any:
    """The resource's whole state, including the parts that the fix leaves alone."""
    raise NotImplementedError("Return what world.client(...) says about the resource.")


CASE = Case(unsafe=(unsafe,), near_misses=(near_miss,), whole=whole)
'''


class BadName(Exception):
    """Says what a guardrail's name looks like, or why this one can't be taken."""


@dataclass(frozen=True)
class Skeleton:
    """Names and placeholders of a new guardrail. Each placeholder is real, so that `make generate` accepts it."""

    service: str
    name: str
    prefix: str
    """Of the service's IAM actions, and of its events' source."""
    resource: type[Resource]
    event: str
    reads: tuple[str, ...]

    @property
    def code(self) -> Path:
        return ROOT / "chalicelib" / "guardrails" / self.service / f"{self.name}.py"

    @property
    def test(self) -> Path:
        return ROOT / "tests" / "guardrails" / self.service / f"test_{self.name}.py"

    def files(self) -> dict[Path, str]:
        words = {
            "id": f"{self.service}.{self.name}",
            "name": self.name,
            "prefix": self.prefix,
            "module": self.resource.__module__,
            "resource": self.resource.__name__,
            "event": self.event,
            "reads": "".join(f'"{action}", ' for action in self.reads),
            "title": self.name.replace("_", " ").capitalize(),
        }
        card = self.code.with_suffix(".yaml")
        made = {self.code: GUARDRAIL.format(**words), card: CARD.format(**words), self.test: TEST.format(**words)}
        packages = [path.parent / "__init__.py" for path in made]
        return {path: "" for path in packages if not path.exists()} | made

    def steps(self) -> str:
        code, test = (path.relative_to(ROOT) for path in (self.code, self.test))
        about = f"The resource is {self.resource.__name__}."
        if self.resource is Account:
            about = f"The resource is the account. For another resource, write a class in chalicelib/resources/{self.service}.py."
        return f"""
Next:
  1. Write what is unsafe in {code}: the function, its events, its IAM actions, its docs.
     {about}
  2. Write its CASE in {test}: how it becomes unsafe, what is close but safe, its whole state.
  3. Write a fix in chalicelib/fixes/{self.service}/, or leave fix=None to alert only.
  4. Write its card in {code.with_suffix(".yaml")}: why it matters, the right way, what prevents it. Then run `make generate`.
Its tests; one fails until you write the function:
  .venv/bin/python -m pytest tests/test_every_guardrail.py {test} -k {self.name}"""


def skeleton(id: str) -> Skeleton:
    """Raises BadName."""
    if not re.fullmatch(r"[a-z][a-z0-9]*\.[a-z][a-z0-9]*(_[a-z0-9]+)+", id):
        raise BadName(f"{id!r}: name it <service>.<thing_what_happened>, in lower case, as in s3.bucket_made_public")
    service, _, name = id.partition(".")
    rules = catalog.rules(service)
    if any(rule.id == id for rule in rules):
        raise BadName(f"{id} exists already; `snapback explain {id}` shows it")
    prefix = _prefix_of(service) or _found_prefix(service)
    resource = _resource(service, name, [rule.resource for rule in rules if isinstance(rule, Guardrail)])
    events = Counter(event for rule in rules for event in _events(rule.on, prefix))
    event = min(events, key=events.__getitem__, default="") or _action(prefix, "Write", "Permissions management")
    reads = resource.list_reads or (f"{prefix}:{_action(prefix, 'Read', 'List')}",)
    new = Skeleton(service, name, prefix, resource, event, reads)
    if new.test.exists():
        raise BadName(f"{id} has a test already, {new.test.relative_to(ROOT)}; move it away first")
    return new


def _prefix_of(service: str) -> str:
    """The IAM prefix of a service folder, by what its guardrails read: `lambda` of awslambda; empty if they read nothing."""
    reads = [action for rule in catalog.rules(service) if isinstance(rule, Guardrail) for action in rule.reads]
    most = Counter(action.partition(":")[0] for action in reads).most_common(1)
    return most[0][0] if most else ""


def _found_prefix(service: str) -> str:
    """The IAM prefix of a service that has no guardrail yet: `access-analyzer` for accessanalyzer. Raises BadName."""
    folders = {_prefix_of(folder): folder for folder in catalog.services()}
    if service in folders:
        raise BadName(
            f"{service}: its folder is {folders[service]}, so name it {folders[service]}.<thing_what_happened>"
        )
    prefixes = {prefix.replace("-", ""): prefix for prefix in get_all_service_prefixes()}
    if service not in prefixes:
        near = get_close_matches(service, prefixes, cutoff=0.75)
        hint = f"did you mean {' or '.join(near)}?" if near else "take the prefix of its IAM actions, without hyphens"
        raise BadName(f"{service}: AWS has no such service in IAM; {hint}")
    return prefixes[service]


def _resource(service: str, name: str, used: list[type[Resource]]) -> type[Resource]:
    """The kind that the name begins with, else the one that most guardrails of the service are about, else the account."""
    kinds = {re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower(): kind for kind in _kinds(service)}
    fitting = max((kind for kind in kinds if name.startswith(f"{kind}_")), key=len, default="")
    most = [kind for kind, _ in Counter(used).most_common(1)]
    return kinds.get(fitting) or next(iter((*most, *kinds.values())), Account)


def _kinds(service: str) -> Iterator[type[Resource]]:
    folder = ROOT / "chalicelib" / "resources"
    for path in filter(Path.exists, (folder / f"{service}.py", *sorted((folder / service).glob("*.py")))):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for each in vars(import_module(module)).values():
            ours = isinstance(each, type) and issubclass(each, Resource) and each.__module__ == module
            if ours and not isabstract(each):
                yield each


def _events(pattern: dict[str, Any], prefix: str) -> Iterator[str]:
    for one in pattern.get("$or", [pattern]):
        detail = one.get("detail", {})
        if detail.get("eventSource") == [f"{prefix}.amazonaws.com"]:
            yield from (name for name in detail.get("eventName", ()) if isinstance(name, str))


def _action(prefix: str, *levels: str) -> str:
    """The service's first action of these levels, by the Service Authorization Reference. Raises BadName."""
    actions = get_service_prefix_data(prefix)["privileges"]
    for level in levels:
        for name, action in actions.items():
            if action["access_level"] == level:
                return str(name)
    raise BadName(f"{prefix}: IAM has no action of it for {' or '.join(levels).lower()}; there is nothing to guard")


def main(arguments: list[str]) -> int:
    try:
        new = skeleton(arguments[0] if arguments else "")
    except BadName as error:
        print(f"snapback: {error}", file=sys.stderr)
        return 2
    made = new.files()
    for path, text in made.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    tool, code = [sys.executable, "-m"], [path for path in made if path.suffix == ".py"]
    for way in (["check", "--select=I", "--fix"], ["format"]):  # What sorts and wraps depends on the names.
        subprocess.run([*tool, "ruff", *way, "--quiet", *code], cwd=ROOT, check=True)
    print(*(path.relative_to(ROOT) for path in made), sep="\n", flush=True)
    # In a process of its own, which finds the new guardrail in the catalog.
    subprocess.run([*tool, "tools.generate"], cwd=ROOT, check=True)
    print(new.steps())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
