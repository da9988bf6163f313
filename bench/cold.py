"""Cold starts and warm events of a guard function, each as a ratio to a bare handler that makes the same AWS calls.

Every start is a fresh process of `bench.runtime`, measured from its start to when it has answered its first event and
asks for the next, the interpreter and Lambda's own client included in both; the function and the floor take turns, in shuffled order, within the same run; medians
are told. The function has the variables that it is deployed with. AWS is moto's server in one other process, so its time is in `wall` of both and in `cpu` of neither. It speaks HTTP, where AWS speaks TLS. This is
not Lambda: the ratios are the result, the milliseconds are not. Memory is the process's peak.

The floor imports boto3 and makes the calls of `bench.calls`: for a compliant event the reads; for a fix the reads, the
writes, and the reads again. It decides nothing, records nothing and proves nothing.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch
from urllib.request import Request, urlopen

import boto3
from botocore import xform_name

from bench import tree
from bench.calls import shared_models
from bench.runtime import Function
from chalicelib import catalog
from chalicelib.aws.ledger import DynamoLedger
from chalicelib.aws.sessions import _READS, AwsSession, utc_now
from chalicelib.core.event import Event
from chalicelib.core.pattern import matches
from chalicelib.core.rule import FixContext, Guardrail
from tests.support.cases import case_of
from tests.support.events import HOME, REGION, Envelope
from tests.support.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from botocore.model import OperationModel

    from chalicelib.core.baseline import Baseline
    from chalicelib.core.resource import Resource

AIM_COLD = {"security group": 0.75, "S3 ACL": 0.85, "IAM role": 0.95}
"""Of import and first event, compliant: CPU as a ratio to the bare handler's."""
AIM_FIXED, AIM_WARM = 1.05, 1.2
SUBJECTS = {
    "S3 ACL": "s3.bucket_acl_made_public",
    "security group": "ec2.security_group_opened_to_internet",
    "IAM role": "iam.role_trusts_unknown_account",
}
"""One guardrail for each of three clients, of which ec2's is the largest there is and iam's one of the smaller."""
TABLE = "snapback-bench"
_DEPLOYED = {
    "POWERTOOLS_SERVICE_NAME": "snapback",
    "SNAPBACK_LEDGER": TABLE,
    "SNAPBACK_ROLES": "1",
    "SNAPBACK_SPILL": "snapback-spill",
    "SNAPBACK_STACK": "snapback",
}
"""A guard function's variables by default: roles are assumed at home, too, and there is an overflow bucket."""
_SETTLE = 5
"""Warm events that are not counted."""
_ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
}


class NotMeasured(Exception):
    """Why a figure isn't there."""


@dataclass
class Starts:
    """What one kind of process measured, start by start: seconds, and MB for `memory`."""

    runs: list[dict[str, float]] = field(default_factory=list)

    def median(self, name: str) -> float:
        return median(run[name] for run in self.runs)


@dataclass(frozen=True)
class Compared:
    """One line: the median of the floor and of the function, and how they relate."""

    what: str
    measure: str
    bare: float
    function: float
    aim: float | None
    rounds: int

    @property
    def ratio(self) -> float:
        return self.function / self.bare

    @property
    def missed(self) -> bool:
        return self.aim is not None and self.ratio > self.aim

    def to_json(self) -> dict[str, Any]:
        return {**vars(self), "ratio": round(self.ratio, 3), "missed": self.missed}


Lines = tuple[list[Compared], dict[str, str]]
"""What was measured, and why the rest was not."""


def cold_starts(rounds: int) -> Lines:
    """Import and first event: of a compliant resource, with and without .pyc in the zip, and of a fix."""
    lines: list[Compared] = []
    missing: dict[str, str] = {}
    with moto_server() as server:
        for label, guardrail in SUBJECTS.items():
            try:
                stage = Stage(server, guardrail)
                lines += _compliant_start(stage, label, rounds)
                lines += _fixing_start(stage, label, max(rounds // 2, 3))
            except Exception as why:  # noqa: BLE001 - one subject's trouble is shown, the others are measured
                missing[f"{label} ({guardrail})"] = f"{type(why).__name__}: {why}"
    return lines, missing


def _compliant_start(stage: Stage, label: str, rounds: int) -> list[Compared]:
    event = stage.compliant()
    bare = {"calls": stage.calls(event, fix=False)}
    starts = in_turns(
        rounds,
        bare=lambda: stage.start(None, bare),
        function=lambda: stage.start(tree.FUNCTION, event, status="compliant"),
        plain=lambda: stage.start(tree.PLAIN, event, status="compliant"),
    )
    return [
        *_compare(f"{label}, compliant", starts["bare"], starts["function"], AIM_COLD[label], rounds),
        *_compare(f"{label}, compliant, zip without .pyc", starts["bare"], starts["plain"], None, rounds)[:1],
    ]


def _fixing_start(stage: Stage, label: str, rounds: int) -> list[Compared]:
    def function() -> dict[str, float]:
        return stage.start(tree.FUNCTION, stage.unsafe(), status="fixed")

    def bare() -> dict[str, float]:
        return stage.start(None, {"calls": stage.calls(stage.unsafe(), fix=True)})

    starts = in_turns(rounds, bare=bare, function=function)
    return _compare(f"{label}, fixed", starts["bare"], starts["function"], AIM_FIXED, rounds)


def _compare(what: str, bare: Starts, function: Starts, aim: float | None, rounds: int) -> list[Compared]:
    return [
        Compared(what, measure, bare.median(name) * unit, function.median(name) * unit, limit, rounds)
        for measure, name, unit, limit in (
            ("CPU ms", "cpu", 1000, aim),
            ("wall ms", "wall", 1000, None),
            ("peak MB", "memory", 1, None),
        )
    ]


def warm_events(rounds: int, events: int) -> Lines:
    """CPU of a compliant event in a process that has seen some."""
    lines: list[Compared] = []
    missing: dict[str, str] = {}
    with moto_server() as server:
        for label, guardrail in SUBJECTS.items():
            try:
                lines.append(_warm(Stage(server, guardrail), label, rounds, events))
            except Exception as why:  # noqa: BLE001 - one subject's trouble is shown, the others are measured
                missing[f"{label} ({guardrail})"] = f"{type(why).__name__}: {why}"
    return lines, missing


def _warm(stage: Stage, label: str, rounds: int, events: int) -> Compared:
    event = stage.compliant()
    bare = {"calls": stage.calls(event, fix=False)}
    starts = in_turns(
        rounds,
        bare=lambda: stage.start(None, bare, warm=events),
        function=lambda: stage.start(tree.FUNCTION, event, warm=events),
    )
    floor, cost = (starts[name].median("warm_cpu") * 1000 for name in ("bare", "function"))
    return Compared(f"{label}, compliant", "CPU ms an event", floor, cost, AIM_WARM, rounds)


def in_turns(rounds: int, **kinds: Callable[[], dict[str, float]]) -> dict[str, Starts]:
    """Each kind once a round, in another order every time, after one round that isn't counted."""
    order = random.Random(1)  # noqa: S311 - only an order
    starts = {name: Starts() for name in kinds}
    for number in range(rounds + 1):
        for name in order.sample(list(kinds), len(kinds)):
            run = kinds[name]()
            if number:
                starts[name].runs.append(run)
    return starts


class Stage:
    """One guardrail, its resource in moto's server, and processes that get it.

    Raises NotMeasured when the guardrail isn't there.
    """

    def __init__(self, server: str, id: str) -> None:
        self.server, self.id, self.service = server, id, id.partition(".")[0]
        try:
            rule = catalog.rule(id)
        except LookupError as error:
            raise NotMeasured(str(error)) from error
        assert isinstance(rule, Guardrail)
        self.rule, self.case = rule, case_of(id)

    def compliant(self) -> Envelope:
        return self._made(self.case.near_misses[0])

    def unsafe(self) -> Envelope:
        return self._made(self.case.unsafe[0])

    def _made(self, make: Callable[[World], Envelope]) -> Envelope:
        """A fresh account with an empty ledger and the resource in it; answers its event."""
        urlopen(Request(f"{self.server}/moto-api/reset", method="POST"), timeout=10).close()  # noqa: S310 - ours
        world = World(boto3.Session(region_name=REGION))
        DynamoLedger(world.client("dynamodb"), TABLE, utc_now).create()
        return json.loads(json.dumps(make(world), default=str))  # type: ignore[no-any-return]

    def calls(self, event: Envelope, *, fix: bool) -> list[Any]:
        """What the bare handler is to call: `[service, method, parameters]`, each read once a look.

        The reads are those of all guardrails of the service that the event is for, as the function asks them all.
        """
        parsed = Event.parse(event)
        baseline = World(boto3.Session(region_name=REGION)).settings
        reader, writes = _Listening(baseline), _Listening(baseline)
        for rule in catalog.rules(self.service):
            if isinstance(rule, Guardrail) and matches(rule.on, parsed.raw):
                for resource in dict.fromkeys(rule.resource.in_event(parsed)):
                    rule(resource, reader.session(resource))
        if fix:
            assert self.rule.fix is not None
            for resource in dict.fromkeys(self.rule.resource.in_event(parsed)):
                state = self.rule.fix.read(resource, _Listening(baseline).session(resource))
                self.rule.fix.write(resource, self.rule.fix.safe(state, FixContext(baseline)), writes.session(resource))
        made = [*reader.made, *(writes.made[at] for at in writes.held), *(reader.made if fix else ())]
        return json.loads(json.dumps(made, default=str))  # type: ignore[no-any-return]

    def start(self, function: Path | None, event: Any, *, status: str = "", warm: int = 0) -> dict[str, float]:
        """One fresh environment: of the function's tree, or of the bare handler."""
        name = f"guard_{self.service}"
        with Function(
            function or tree.BARE,
            tree.RUNTIME,
            f"app.{name}" if function else "bare.handler",
            _ENVIRONMENT | {"AWS_ENDPOINT_URL": self.server} | (_DEPLOYED if function else {}),
            arn=f"arn:aws:lambda:{REGION}:{HOME}:function:snapback-{name}",
        ) as started:
            started.started()
            answer, cold = started.invoke(event)
            measured = {"wall": cold.wall, "cpu": cold.cpu, "memory": cold.memory}
            if warm:
                settled = [started.invoke(event)[1] for _ in range(_SETTLE)][-1]
                last = [started.invoke(event)[1] for _ in range(warm)][-1]
                measured["warm_cpu"] = (last.cpu - settled.cpu) / warm
        answers = [found["status"] for found in answer or () if found["guardrail"] == self.id]
        if status and set(answers) != {status}:
            raise NotMeasured(f"the function answered {answers}, not {status}")
        return measured


class _Listening:
    """Notes the different calls that are made with its sessions, and sends only reads."""

    def __init__(self, baseline: Baseline) -> None:
        self.made: list[Any] = []
        self.held: list[int] = []
        """Which of them were not sent."""
        self._baseline = baseline
        self._source = boto3.Session(region_name=REGION)
        self._source.events.register("provide-client-params", self._note)
        self._source.events.register("before-call", self._hold_back)

    def session(self, resource: Resource) -> AwsSession:
        return AwsSession(self._source, {}, resource.account, resource.region, self._baseline)

    def _note(self, params: Any, model: OperationModel, **_: Any) -> None:
        call = [model.service_model.service_name, xform_name(model.name), params]
        if call not in self.made:
            self.made.append(call)

    def _hold_back(self, model: OperationModel, **_: Any) -> Any:
        if _READS.match(model.name):
            return None
        self.held.append(len(self.made) - 1)
        return SimpleNamespace(status_code=200, headers={}), {}


@contextmanager
def moto_server() -> Iterator[str]:
    """The address of a moto server in a process of its own; boto3 in this process uses it meanwhile."""
    server = subprocess.Popen(
        [sys.executable, "-m", "bench.server"],
        cwd=tree.ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "MOTO_ACCOUNT_ID": HOME},
    )  # fmt: skip
    assert server.stdout is not None
    assert server.stdin is not None
    try:
        address = f"http://127.0.0.1:{server.stdout.readline().strip()}"
        with patch.dict(os.environ, {**_ENVIRONMENT, "AWS_ENDPOINT_URL": address}), shared_models():
            yield address
    finally:
        server.stdin.close()
        server.wait(10)
        server.stdout.close()
