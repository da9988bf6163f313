"""How long a sweep takes by AWS's default limits: calls counted on an in-memory AWS, time simulated.

Counted: for each kind of the mix, some resources are made, listed, and asked about by all guardrails, in bulk as the
sweep first does; its calls by operation are then scaled to the mix. What grows by batches (of 100, of 1000) is told
apart from what grows by resources by counting two sizes. Each finding adds the calls of an event (`calls` tells them).

Simulated: workers that each make one call after the other, `LATENCY` each, and wait where a limit's bucket is empty.
`on_laptop` is measured: `snapback sweep` on an in-memory AWS whose calls are slowed down. A sweep that meets a limit in AWS is answered by an error and tries again later (botocore's adaptive mode), which costs a
little more than waiting. Everything is in one account and region, where limits are shared: the worst case.
"""

from __future__ import annotations

import heapq
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any

import boto3
from moto import mock_aws

from bench.calls import shared_models
from chalicelib import catalog
from chalicelib.core.types import Mode
from chalicelib.sweep.places import chunks
from snapback.deploy.template.sweep import ASKING, LISTING
from snapback.memory_aws import gaps
from snapback.sweep import THREADS, places_for, sweep
from tests.support.events import HOME, REGION
from tests.support.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from chalicelib.core.rule import Guardrail
    from chalicelib.core.session import Session

LATENCY = 0.05
"""Seconds of a call within AWS, assumed."""
FAR = 0.1
"""Seconds of a call from a laptop, assumed."""
AIM_TIMES = 10
AIM = 15 * 60
"""Seconds."""


@dataclass(frozen=True)
class Limit:
    """Tokens at first and a second, of one operation or of several together (`shared`), and where AWS says so."""

    burst: float
    rate: float
    source: str
    shared: str = ""


_EC2 = "https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html"
_LAMBDA = "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"
_OTHERS = "AWS publishes none: assumed"
LIMITS: dict[str, Limit] = {
    "ec2": Limit(100, 20, _EC2),
    "lambda": Limit(15, 15, _LAMBDA, "lambda's control plane"),
    "lambda:GetFunction": Limit(100, 100, _LAMBDA),
    "lambda:GetPolicy": Limit(15, 15, _LAMBDA),
    "iam": Limit(20, 15, _OTHERS, "iam"),
    "s3": Limit(100, 100, _OTHERS, "s3's settings of buckets"),
    "": Limit(20, 10, _OTHERS),
}
"""By operation, else by service, else the last. EC2's are each operation's own."""
MIX = {
    "ec2.Volume": 30_000,
    "ec2.Snapshot": 15_000,
    "ec2.Instance": 12_000,
    "ec2.SecurityGroup": 12_000,
    "ec2.Subnet": 2_000,
    "ec2.Image": 3_000,
    "iam.Role": 5_000,
    "iam.ManagedPolicy": 1_500,
    "iam.ConsoleUser": 1_000,
    "s3.Bucket": 6_000,
    "awslambda.Function": 4_000,
    "ecr.Repository": 2_500,
    "ecs.TaskDefinition": 6_000,
}
"""100,000 resources of one account and region. Those that several kinds are about (a role is also an identity, and may
have a boundary; a user has keys; a function a policy and an address) are counted once, and asked about by all of them."""
ALSO = {
    "ec2.SecurityGroup": ("ec2.DefaultGroup",),
    "iam.Role": ("iam.Bounded", "iam.Identity"),
    "iam.ConsoleUser": ("iam.User", "iam.AccessKey"),
    "awslambda.Function": ("awslambda.Qualified", "awslambda.FunctionUrl"),
}
assert sum(MIX.values()) == 100_000  # noqa: PLR2004 - its docstring says so


def measure(few: int = 10, many: int = 30) -> dict[str, Any]:
    """Seconds, by which limit, and calls by kind, in bulk and, for comparison, one resource at a time."""
    listing: list[Counter[str]] = []
    asking: list[tuple[float, Counter[str]]] = []
    rows: list[dict[str, Any]] = []
    for main, count in MIX.items():
        for kind in (main, *ALSO.get(main, ())):
            small, large = (_counted(main, kind, size) for size in (few, many))
            batch_size = _at_once(kind)
            lists = _scaled(small[0], large[0], few, many, count, 1000)
            asks = _scaled(small[1], large[1], few, many, count, batch_size)
            alone = _scaled(small[2], large[2], few, many, count, count)
            listing.append(lists)
            parts = _split(asks, ceil(count / batch_size))
            asking += [(number / len(parts), part) for number, part in enumerate(parts)]
            calls = lists.total() + asks.total()
            rows.append({"kind": kind, "resources": count, "calls": calls, "one_by_one": lists.total() + alone.total()})
    chunks_in_turn = [part for _, part in sorted(asking, key=lambda each: each[0])]
    listed, by_lists = simulate(listing, LISTING)
    seconds, by = simulate([*listing, *chunks_in_turn], LISTING + ASKING)
    function_seconds = sum(calls.total() for calls in (*listing, *chunks_in_turn)) * LATENCY
    return {
        "seconds": seconds,
        "slowest": by,
        "listed_after": listed,
        "listed_slowest": by_lists,
        "resources": sum(MIX.values()),
        "calls": sum(row["calls"] for row in rows),
        "one_by_one": sum(row["one_by_one"] for row in rows),
        "calling_seconds": function_seconds,
        "rows": rows,
        "missed": seconds > AIM,
    }


def on_laptop(each: int) -> dict[str, Any]:
    """Seconds of `snapback sweep` with one thread and with its usual ones, each call as far away as AWS is from a laptop."""
    with shared_models(), mock_aws() as account, gaps.closed():
        account.reset()
        world = World(boto3.Session(region_name=REGION))
        for make in _MADE.values():
            for number in range(each):
                make(world, number)
        took: dict[int, float] = {}
        for threads in (1, THREADS):
            application = world.application(Mode.ALERT)
            application.sessions.source.events.register("before-send", _away)
            where = places_for(application.settings, catalog.guardrails(), home=HOME, home_region=REGION)
            done = sweep(application, where, f"with {threads}", kept=False, threads=threads)
            took[threads] = done.seconds
    return {
        "resources": done.resources,
        "alone": took[1],
        "threads": THREADS,
        "together": took[THREADS],
        "times": took[1] / took[THREADS],
    }


def _away(**_: Any) -> None:
    time.sleep(FAR)


def simulate(jobs: list[Counter[str]], workers: int) -> tuple[float, str]:
    """When the last of the jobs is done, and which limit was waited for the longest, with its calls and rate."""
    order = iter(jobs)
    buckets: dict[str, tuple[float, float]] = {}
    waits: dict[str, float] = {}
    free = [(0.0, number, _calls(job)) for number, job in zip(range(workers), order, strict=False)]
    heapq.heapify(free)
    end = 0.0
    while free:
        now, number, calls = heapq.heappop(free)
        end = max(end, now)
        call = next(calls, None)
        if call is None:
            if (job := next(order, None)) is not None:
                heapq.heappush(free, (now, number, _calls(job)))
            continue
        limit = _limit(call)
        name = limit.shared or call
        tokens, since = buckets.get(name, (limit.burst, now))
        tokens = min(limit.burst, tokens + max(0.0, now - since) * limit.rate) - 1
        buckets[name] = (tokens, max(now, since))
        wait = max(0.0, -tokens / limit.rate)
        waits[name] = waits.get(name, 0.0) + wait
        heapq.heappush(free, (now + wait + LATENCY, number, calls))
    return end, max(waits, key=lambda name: waits[name], default="")


def _calls(job: Counter[str]) -> Iterator[str]:
    """Spread over the job, as guardrails ask."""
    turns = ((number / count, name) for name, count in job.items() for number in range(count))
    yield from (name for _, name in sorted(turns))


def _limit(operation: str) -> Limit:
    return LIMITS.get(operation) or LIMITS.get(operation.partition(":")[0]) or LIMITS[""]


def _split(calls: Counter[str], parts: int) -> list[Counter[str]]:
    return [
        Counter({name: count * (n + 1) // parts - count * n // parts for name, count in calls.items()})
        for n in range(parts)
    ]


def _scaled(small: Counter[str], large: Counter[str], few: int, many: int, count: int, batch_size: int) -> Counter[str]:
    """What grows with the resources is theirs, and what is there from the start of an account is once; the rest is a batch's."""
    found: Counter[str] = Counter()
    for name in large:
        each = (large[name] - small[name]) / (many - few)
        found[name] = ceil(each * count) if each else small[name] * ceil(count / batch_size)
    return found


def _at_once(kind: str) -> int:
    return next(int(rule.resource.batch_size) for rule in catalog.guardrails() if rule.resource.kind() == kind)


def _counted(main: str, kind: str, size: int) -> tuple[Counter[str], Counter[str], Counter[str]]:
    """Calls to list this kind, to ask about it together, and one by one, where there are so many of `main`."""
    with shared_models(), mock_aws() as account, gaps.closed():
        account.reset()
        world = World(boto3.Session(region_name=REGION))
        for number in range(size):
            _MADE[main](world, number)
        application = world.application(Mode.ALERT)
        rules = [rule for rule in catalog.guardrails() if rule.resource.kind() == kind]
        world.calls.clear()
        every = sorted(
            set(rules[0].resource.all_in(application.sessions.reader(HOME, REGION))), key=lambda each: each.id
        )
        lists = _by_operation(world)
        for some in chunks(every, rules[0].resource.batch_size):
            reader = application.sessions.reader(HOME, REGION)
            reader.prefetch(some[0].batch_read(some, reader))
            _ask(rules, some, reader)
        together = _by_operation(world)
        for each in every:
            _ask(rules, [each], application.sessions.reader(HOME, REGION))
        return lists, together, _by_operation(world)


def _ask(rules: Sequence[Guardrail[Any]], resources: Sequence[Any], reader: Session) -> None:
    for each in resources:
        for rule in rules:
            with suppress(Exception):  # It is the calls that count.
                rule(each, reader)


def _by_operation(world: World) -> Counter[str]:
    found = Counter(f"{call.service}:{call.operation}" for call in world.calls if call.service != "dynamodb")
    world.calls.clear()
    return found


_TRUST = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}'
_MAY = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::app/*"}]}'
)
_IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/app"


def _vpc(world: World) -> str:
    (vpc, *_) = world.client("ec2").describe_vpcs()["Vpcs"]
    return str(vpc["VpcId"])


def _role(world: World, n: int) -> None:
    world.client("iam").create_role(RoleName=f"role-{n}", AssumeRolePolicyDocument=_TRUST)
    world.client("iam").put_role_policy(RoleName=f"role-{n}", PolicyName="own", PolicyDocument=_MAY)


def _user(world: World, n: int) -> None:
    world.client("iam").create_user(UserName=f"user-{n}")
    world.client("iam").create_access_key(UserName=f"user-{n}")


def _function(world: World, n: int) -> None:
    from tests.guardrails.awslambda.functions import make

    make(world, f"app-{n}")


_MADE: dict[str, Callable[[World, int], object]] = {
    "ec2.Volume": lambda w, _: w.client("ec2").create_volume(AvailabilityZone="us-east-1a", Size=1, Encrypted=True),
    "ec2.Snapshot": lambda w, _: w.client("ec2").create_snapshot(
        VolumeId=w.client("ec2").create_volume(AvailabilityZone="us-east-1a", Size=1)["VolumeId"]
    ),
    "ec2.Instance": lambda w, _: w.client("ec2").run_instances(
        ImageId="ami-12345678", MinCount=1, MaxCount=1, MetadataOptions={"HttpTokens": "required"}
    ),
    "ec2.SecurityGroup": lambda w, n: w.client("ec2").create_security_group(
        GroupName=f"app-{n}", Description="-", VpcId=_vpc(w)
    ),
    "ec2.Subnet": lambda w, n: w.client("ec2").create_subnet(VpcId=_vpc(w), CidrBlock=f"172.31.{100 + n}.0/24"),
    "ec2.Image": lambda w, n: w.client("ec2").register_image(Name=f"app-{n}"),
    "iam.Role": _role,
    "iam.ManagedPolicy": lambda w, n: w.client("iam").create_policy(PolicyName=f"app-{n}", PolicyDocument=_MAY),
    "iam.ConsoleUser": _user,
    "s3.Bucket": lambda w, n: w.client("s3").create_bucket(Bucket=f"app-{n}"),
    "awslambda.Function": _function,
    "ecr.Repository": lambda w, n: w.client("ecr").create_repository(
        repositoryName=f"app-{n}", imageScanningConfiguration={"scanOnPush": True}
    ),
    "ecs.TaskDefinition": lambda w, n: w.client("ecs").register_task_definition(
        family=f"app-{n}",
        containerDefinitions=[{"name": "app", "image": _IMAGE, "memory": 128, "readonlyRootFilesystem": True}],
    ),
}
