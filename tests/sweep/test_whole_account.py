"""`snapback sweep --mode fix` finds and fixes what is unsafe by any guardrail, in accounts that are full of it."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

import boto3
import msgspec
from click.testing import CliRunner
from moto import mock_aws

from chalicelib import catalog
from chalicelib.aws.settings_source import STACK_VARIABLE
from chalicelib.core.baseline import Baseline
from chalicelib.core.resource import Account
from chalicelib.core.settings import Settings
from chalicelib.wiring import Application
from snapback import cli, errors
from snapback.memory_aws import gaps
from snapback.replay import replay
from tests.guardrails.ec2.test_instance_exploitable_from_internet import hole, way
from tests.support.cases import GUARDRAILS, case_of
from tests.support.clients import Source, whole
from tests.support.events import REGION, STACK
from tests.support.moto_gaps import inspector_found
from tests.support.world import KNOWN, World, settings_with

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    from chalicelib.core.rule import Guardrail

ONLY_EVENTS_TELL = {
    "awslambda.code_put_by_stranger",
    "ec2.instance_compromised",
    "iam.access_key_exposed",
    "iam.sessions_stolen",
}
"""Of these no list tells: who put code there, which machines, keys and sessions are in somebody else's hands."""


def test_only_what_events_alone_can_tell_is_never_swept() -> None:
    listed = {rule.id for rule in GUARDRAILS if issubclass(rule.resource, Account) or rule.resource.list_reads}
    assert {rule.id for rule in GUARDRAILS} - listed == ONLY_EVENTS_TELL


def test_what_is_unsafe_by_any_guardrail_is_found_and_fixed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All in one account first; where one thing in the way of another keeps it from being unsafe, in one of its own."""
    monkeypatch.setattr(catalog, "guardrails", lambda: GUARDRAILS)
    monkeypatch.setenv(STACK_VARIABLE, STACK)
    dynamodb = property(lambda _: Source(REGION, whole).client("dynamodb"))
    monkeypatch.setattr(Application, "dynamodb", dynamodb)  # moto without HTTP.
    monkeypatch.setattr(replay, "quiet", partial(replay.quiet, sleep=lambda _: None))
    listed = {rule.id: rule for rule in GUARDRAILS if rule.id not in ONLY_EVENTS_TELL}
    became = swept([*listed.values()], tmp_path)
    batch_size = len(became)
    while left := [rule for rule in listed.values() if rule.id not in became]:
        found = swept(left, tmp_path, only=True)
        became |= found or swept(left[:1], tmp_path, only=True) or {left[0].id: {"not found"}}
    assert batch_size > len(listed) / 2
    for name, rule in listed.items():
        can = "fixed" if rule.fix and rule.fix.reversible else "asking" if rule.fix else "alerted"
        assert NOT_FIXED.get(name, can) in became[name], name


NOT_FIXED = {
    # Who made it isn't known without an event, so that there is nothing to fill the tags with.
    "ec2.instance_without_required_tags": "alerted",
    "ecr.repository_without_required_tags": "alerted",
    "s3.bucket_without_required_tags": "alerted",
    # By other cases, a service asks for these very revisions.
    "ecs.task_holds_secret": "alerted",
    "ecs.task_image_not_allowed": "alerted",
    # Their fixes doubt, in these cases, that nobody would be locked out or cut off by them.
    "eks.unknown_principal_made_admin": "asking",
    "iam.admin_policy_attached": "asking",
    "iam.policy_directly_on_user": "asking",
}
"""What else becomes of the first case of guardrails with a fix, among all the others."""


def swept(rules: list[Guardrail[Any]], folder: Path, *, only: bool = False) -> dict[str, set[str]]:
    """What became of each guardrail's findings in a fresh account, with what is unsafe by each of these.

    `only` these are asked, or all there are.
    """
    more = [word for rule in rules for word in ("--guardrail", rule.id)] if only else []
    out, file = folder / "found.jsonl", folder / "settings.json"
    with mock_aws() as account, gaps.closed():
        account.reset()
        world = World(boto3.Session(region_name=REGION))
        baseline: dict[str, Any] = {}
        for rule in rules:
            world.settings = settings_with(KNOWN, grace={"*": 0})
            try:
                BESIDES.get(rule.id, case_of(rule.id).unsafe[0])(world)
            except Exception:  # noqa: BLE001, S112 - what another one made is in its way
                continue
            together(baseline, world.settings)
        settings = {
            **baseline,
            "guardrails": {rule.id: "fix" for rule in GUARDRAILS if rule.opt_in},
            "limits": {"fixes_per_minute": 1000},
        }
        file.write_text(json.dumps(settings))
        asked = [
            "sweep",
            "--mode",
            "fix",
            "--yes",
            "--create-ledger",
            "--settings",
            str(file),
            "--json",
            str(out),
            *more,
        ]
        done = CliRunner().invoke(cli.main, asked)
        assert done.exit_code in {errors.FINE, errors.FOUND}, done.output
    findings = [json.loads(line) for line in out.read_text().splitlines()]
    became: dict[str, set[str]] = {}
    for each in findings:  # In the order of ids, which are random.
        became.setdefault(each["guardrail"], set()).add(each["status"])
    return became


def exploitable(world: World) -> None:
    """Inspector tells of an instance; here there is one, and not its name alone."""
    (instance,) = world.client("ec2").run_instances(ImageId="ami-12345678", MinCount=1, MaxCount=1)["Instances"]
    inspector_found(way(instance=instance["InstanceId"]), hole(instance=instance["InstanceId"]))


BESIDES: dict[str, Callable[[World], object]] = {"ec2.instance_exploitable_from_internet": exploitable}


def together(all_of_it: dict[str, Any], settings: Settings) -> None:
    """All that any case allows or requires. The stack is the environment's to tell."""
    usual = msgspec.to_builtins(Settings())
    told = {name: each for name, each in msgspec.to_builtins(settings).items() if name in Baseline.__struct_fields__}
    _merge(all_of_it, {name: each for name, each in told.items() if name != "stack"}, usual)


def _merge(whole: dict[str, Any], more: dict[str, Any], usual: dict[str, Any]) -> None:
    for name, value in more.items():
        before = whole.get(name)
        if value == usual.get(name):
            continue
        if isinstance(value, dict):
            _merge(whole.setdefault(name, {}), value, usual.get(name, {}))
        elif isinstance(value, list) and isinstance(before, list):
            whole[name] = before + [each for each in value if each not in before]
        else:
            whole[name] = value
