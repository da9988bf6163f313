"""Cold starts and warm events of a guard function, each as a ratio to a bare handler that makes the same AWS calls.

Every start is a fresh process of `bench.runtime`, measured from its start to when it has answered its first event and
asks for the next, the interpreter and Lambda's own client included in both; the function and the floor take turns, in shuffled
order, within the same run; quartiles are told. The function has the variables that it is deployed with. AWS is moto's server
in one other process, over TLS on connections that are kept, so its time is in `wall` of both and in `cpu` of neither; it
counts the calls, STS's and SSM's too. This is not Lambda: the ratios are the result, the milliseconds are not. Memory is the
process's peak.

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
from itertools import repeat
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch
from urllib.request import Request, urlopen

import boto3
from botocore import xform_name

from bench import tls, tree
from bench.calls import shared_models
from bench.runtime import Function
from chalicelib import catalog
from chalicelib.aws.ledger import DynamoLedger
from chalicelib.aws.sessions import _READS, AwsSession, utc_now
from chalicelib.core.event import Event
from chalicelib.core.pattern import matches
from chalicelib.core.rule import FixContext, Guardrail
from chalicelib.core.settings import Settings
from chalicelib.core.types import Mode
from snapback.settings_file import to_json
from tests.support.cases import case_of
from tests.support.events import HOME, REGION, Envelope
from tests.support.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from botocore.model import OperationModel

    from chalicelib.core.baseline import Baseline
    from chalicelib.core.resource import Resource

AIM_COLD = {"security group": 0.75, "S3 ACL": 0.85, "IAM role": 0.95}
"""Of import and first event, compliant: CPU as a ratio to the bare handler's."""
AIM_FIXED, AIM_WARM, AIM_WARM_FIX = 1.05, 1.2, 1.6
AIM_MEMORY = {"security group": 0.8, "": 0.95}
SUBJECTS = {
    "S3 ACL": "s3.bucket_acl_made_public",
    "security group": "ec2.security_group_opened_to_internet",
    "IAM role": "iam.role_trusts_unknown_account",
}
"""One guardrail for each of three clients, of which ec2's is the largest there is and iam's one of the smaller."""
TABLE, PARAMETER = "snapback-bench", "/snapback/settings"
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

    def quartiles(self, name: str, unit: float) -> tuple[float, float, float]:
        if len(self.runs) == 1:
            return (self.runs[0][name] * unit,) * 3
        low, middle, high = quantiles([run[name] * unit for run in self.runs], method="inclusive")
        return low, middle, high


@dataclass(frozen=True)
class Compared:
    """One line: the quartiles of the floor and of the function, and how their medians relate."""

    what: str
    measure: str
    bare: tuple[float, float, float]
    function: tuple[float, float, float]
    aim: float | None

    @property
    def ratio(self) -> float:
        return self.function[1] / self.bare[1]

    @property
    def missed(self) -> bool:
        return self.aim is not None and self.ratio > self.aim

    def to_json(self) -> dict[str, Any]:
        return {**vars(self), "ratio": round(self.ratio, 3), "missed": self.missed}


Lines = tuple[list[Compared], dict[str, str]]
"""What was measured, and why the rest was not."""


def cold_starts(rounds: int) -> Lines:
    """Import and first event, compliant, found and fixed; with settings in the zip and published, with and without .pyc."""

    def starts(server: Server, label: str, id: str) -> list[Compared]:
        return [*_compliant_start(Stage(server, id), label, rounds), *_finding_starts(server, id, label, rounds)]

    return _each_subject(starts)


def _each_subject(measured: Callable[[Server, str, str], list[Compared]]) -> Lines:
    lines: list[Compared] = []
    missing: dict[str, str] = {}
    with serving() as server:
        for label, guardrail in SUBJECTS.items():
            try:
                lines += measured(server, label, guardrail)
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
        published=lambda: stage.start(tree.FUNCTION, event, status="compliant", published=True),
        plain=lambda: stage.start(tree.PLAIN, event, status="compliant"),
    )
    return [
        *_compare(f"{label}, compliant", starts["bare"], starts["function"], AIM_COLD[label]),
        *_compare(f"{label}, compliant, settings in SSM", starts["bare"], starts["published"], None)[::3],
        *_compare(f"{label}, compliant, zip without .pyc", starts["bare"], starts["plain"], None)[:1],
    ]


def _finding_starts(server: Server, id: str, label: str, rounds: int) -> list[Compared]:
    fixing, alerting = Stage(server, id), Stage(server, id, Mode.ALERT)
    starts = in_turns(
        max(rounds // 2, 3),
        bare=lambda: fixing.start(None, {"calls": fixing.calls(fixing.unsafe(), fix=True)}),
        fixed=lambda: fixing.start(tree.FUNCTION, fixing.unsafe(), status="fixed"),
        reading=lambda: alerting.start(None, {"calls": alerting.calls(alerting.unsafe(), fix=False)}),
        found=lambda: alerting.start(tree.FUNCTION, alerting.unsafe(), status="alerted", published=True),
    )
    return [
        *_compare(f"{label}, found, settings in SSM", starts["reading"], starts["found"], None)[::3],
        *_compare(f"{label}, fixed", starts["bare"], starts["fixed"], AIM_FIXED),
    ]


def _compare(what: str, bare: Starts, function: Starts, aim: float | None) -> list[Compared]:
    return [
        Compared(what, measure, bare.quartiles(name, unit), function.quartiles(name, unit), limit)
        for measure, name, unit, limit in (
            ("CPU ms", "cpu", 1000, aim),
            ("wall ms", "wall", 1000, None),
            ("peak MB", "memory", 1, AIM_MEMORY["security group" if "security" in what else ""]),
            ("AWS calls", "calls", 1, None),
        )
        if name in function.runs[0]
    ]


def warm_events(rounds: int, events: int) -> Lines:
    """CPU of an event, compliant and fixed, in a process that has seen some."""

    def warmed(server: Server, label: str, id: str) -> list[Compared]:
        stage = Stage(server, id)
        event = stage.compliant()
        bare = {"calls": stage.calls(event, fix=False)}
        compliant = in_turns(
            rounds,
            bare=lambda: stage.warm(None, repeat(bare), events),
            function=lambda: stage.warm(tree.FUNCTION, repeat(event), events, status="compliant"),
        )

        def asked() -> Iterator[Any]:
            while True:
                yield {"calls": stage.calls(stage.unsafe(), fix=True)}

        def unsafe() -> Iterator[Any]:
            while True:
                yield stage.unsafe()

        fixed = in_turns(
            rounds,
            bare=lambda: stage.warm(None, asked(), events // 5),
            function=lambda: stage.warm(tree.FUNCTION, unsafe(), events // 5, status="fixed"),
        )
        return [
            *_compare(f"{label}, compliant", compliant["bare"], compliant["function"], AIM_WARM),
            *_compare(f"{label}, fixed", fixed["bare"], fixed["function"], AIM_WARM_FIX),
        ]

    return _each_subject(warmed)


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

    def __init__(self, server: Server, id: str, published: Mode = Mode.FIX) -> None:
        self.server, self.id, self.service, self.published = server, id, id.partition(".")[0], published
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
        urlopen(Request(f"{self.server.plain}/moto-api/reset", method="POST"), timeout=10).close()  # noqa: S310 - ours
        world = World(boto3.Session(region_name=REGION))
        DynamoLedger(world.client("dynamodb"), TABLE, utc_now).create()
        settings = to_json(Settings(mode=self.published)).decode()
        world.client("ssm").put_parameter(Name=PARAMETER, Value=settings, Type="SecureString", Overwrite=True)
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

    def start(
        self, function: Path | None, event: Any, *, status: str = "", published: bool = False
    ) -> dict[str, float]:
        """One fresh environment, of the function's tree or of the bare handler, and its first event."""
        with self._environment(function, published=published) as started:
            started.started()
            self.server.calls()
            answer, cold = started.invoke(event)
            calls = self.server.calls()
        self._expect(answer, status)
        return {"wall": cold.wall, "cpu": cold.cpu, "memory": cold.memory, "calls": len(calls)}

    def warm(self, function: Path | None, events: Iterator[Any], count: int, *, status: str = "") -> dict[str, float]:
        """The mean of some events, each CPU and calls, in an environment that has seen some."""
        cpu, calls = 0.0, 0
        with self._environment(function) as started:
            before = started.started()
            for number, event in zip(range(-_SETTLE, count), events, strict=False):
                self.server.calls()
                answer, after = started.invoke(event)
                self._expect(answer, status)
                if number >= 0:
                    cpu, calls = cpu + after.cpu - before.cpu, calls + len(self.server.calls())
                before = after
        return {"cpu": cpu / count, "calls": calls / count}

    def _environment(self, function: Path | None, *, published: bool = False) -> Function:
        name = f"guard_{self.service}"
        deployed = _DEPLOYED | ({"SNAPBACK_SETTINGS": f"ssm:{PARAMETER}"} if published else {})
        return Function(
            function or tree.BARE,
            tree.RUNTIME,
            f"app.{name}" if function else "bare.handler",
            _ENVIRONMENT
            | {"AWS_ENDPOINT_URL": self.server.tls, "AWS_CA_BUNDLE": self.server.bundle}
            | (deployed if function else {}),
            arn=f"arn:aws:lambda:{REGION}:{HOME}:function:snapback-{name}",
        )

    def _expect(self, answer: Any, status: str) -> None:
        answers = {found["status"] for found in answer or () if found["guardrail"] == self.id}
        if status and answers and answers != {status}:
            raise NotMeasured(f"the function answered {answers}, not {status}")


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


@dataclass(frozen=True)
class Server:
    """moto's addresses, without and with TLS, and the bundle of certificates that trusts the latter."""

    plain: str
    tls: str
    bundle: str

    def calls(self) -> list[str]:
        """The services that were asked since the last time."""
        with urlopen(f"{self.plain}/bench/calls", timeout=10) as answer:  # noqa: S310 - ours
            found: list[str] = json.load(answer)
        return found


@contextmanager
def moto_server() -> Iterator[str]:
    """The address of a moto server in a process of its own; boto3 in this process uses it meanwhile."""
    with serving() as server:
        yield server.plain


@contextmanager
def serving() -> Iterator[Server]:
    with TemporaryDirectory() as folder:
        certificate, key, bundle = map(str, tls.make(Path(folder), "localhost", f"{HOME}.localhost"))
        server = subprocess.Popen(
            [sys.executable, "-m", "bench.server", certificate, key],
            cwd=tree.ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "MOTO_ACCOUNT_ID": HOME},
        )  # fmt: skip
        assert server.stdout is not None
        assert server.stdin is not None
        try:
            plain, secure = (server.stdout.readline().strip() for _ in range(2))
            found = Server(f"http://127.0.0.1:{plain}", f"https://localhost:{secure}", bundle)
            with patch.dict(os.environ, {**_ENVIRONMENT, "AWS_ENDPOINT_URL": found.plain}), shared_models():
                yield found
        finally:
            server.stdin.close()
            server.wait(10)
            server.stdout.close()
