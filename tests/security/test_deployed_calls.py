"""Every call that a function's own role was seen to make, and all that AWS's services do for the stack, with all parameters.

Identity policies, boundary, the resource's policy and the key's are taken together. And nothing in them is spare: without any one
statement, action, resource or condition, something is denied that is asked, or allowed that has to be denied.
"""

from __future__ import annotations

import fcntl
import json
import pickle
from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from chalicelib import catalog
from snapback.deploy.iam_policies import functions
from tests.support import function_calls
from tests.support.asked import (
    Ask,
    applies,
    asked_by,
    assumed,
    deliveries,
    is_allowed,
    key_policy,
    member_deliveries,
    watched,
)
from tests.support.deployed import KEY, homes, members
from tests.support.evaluator import ALLOW, Request, decide
from tests.support.events import FRIEND, HOME, REGION

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.deployed import Stack

WIDE = homes()[-1]
SETTINGS = f"arn:aws:ssm:{REGION}:{HOME}:parameter/snapback/settings"
OWN = (*functions(), "LaterRole", "SettingsMonitorRole")
"""Roles whose whole use is seen here; the reader's and the fixers' is guardrails' tests'."""


@pytest.fixture
def recorded(_environment: None, tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> frozenset[Ask]:
    """Once for all workers."""
    base = tmp_path_factory.getbasetemp()
    found: Path = (base if worker_id == "master" else base.parent) / "asked"
    with found.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not found.exists():
            found.write_bytes(pickle.dumps(function_calls.recorded()))
    made: frozenset[Ask] = pickle.loads(found.read_bytes())  # noqa: S301 - our own, of a moment ago
    return made


def everything(stack: Stack, recorded: frozenset[Ask]) -> set[Ask]:
    return {each for each in recorded if applies(stack, each)} | {*deliveries(stack), *member_deliveries(), *assumed()}


def test_all_that_is_asked_is_allowed_with_all_parameters(recorded: frozenset[Ask]) -> None:
    assert len(homes()) == 192
    denied = {
        (each.who, each.action, each.arn)
        for stack in homes()
        for each in everything(stack, recorded)
        if not is_allowed(stack, each)
    }
    assert not denied, "\n".join(map(str, sorted(denied)))


def test_each_function_was_seen_at_what_it_is_for(recorded: frozenset[Ask]) -> None:
    seen = {(each.who, each.action) for each in recorded}
    for service in catalog.services():
        assert (f"guard_{service}", "dynamodb:PutItem") in seen
    assert {who for who, _ in seen} == {*functions()}
    assert {action.partition(":")[0] for _, action in seen} >= {
        "sqs",
        "sns",
        "events",
        "s3",
        "securityhub",
        "scheduler",
    }


def test_a_call_that_nobody_knows_is_said() -> None:
    with pytest.raises(LookupError, match="athena:StartQueryExecution"):
        next(asked_by("act", "athena", "StartQueryExecution", {}))


def dropped(text: str, *, denials: bool = False) -> Iterator[tuple[str, str]]:
    """The document without one statement that allows, or one action or resource of several."""
    document = json.loads(text)
    for number, statement in enumerate(document["Statement"]):
        if statement["Effect"] == "Deny" and not denials:
            continue
        name = f"{statement.get('Sid', number)}"
        without = deepcopy(document)
        del without["Statement"][number]
        yield name, json.dumps(without)
        for part in ("Action", "NotAction", "Resource"):
            values = statement.get(part)
            for value in values if isinstance(values, list) and len(values) > 1 else ():
                less = deepcopy(document)
                less["Statement"][number][part].remove(value)
                yield f"{name} {part} {value}", json.dumps(less)


def test_what_a_function_is_denied_nothing_else_denies() -> None:
    found = 0
    for name in OWN:
        for text in WIDE.roles[name].policies:
            for number, statement in enumerate(json.loads(text)["Statement"]):
                if statement["Effect"] == "Deny":
                    found += 1
                    less = json.loads(text)
                    del less["Statement"][number]
                    asked = Ask(
                        name, statement["Action"][0], statement["Resource"][0].replace("iam::*", f"iam::{HOME}")
                    )
                    assert not is_allowed(WIDE, asked)
                    assert is_allowed(WIDE, asked, {text: json.dumps(less)}), (name, statement["Sid"])
    assert found


SPARE = {
    # All parameters and topics of Snapback's may be read and sent to, in a stack that is called snapback as in one that isn't.
    **{f"{name}: Settings Action ssm:GetParameter": "its secrets" for name in ("notify", "api_handler")},
    **{f"{name}: Settings Resource {SETTINGS}": "its secrets" for name in ("notify", "api_handler")},
    "notify: Alarms": "its topics",
    # All guards are alike: a service that has tripwires only may have a guardrail tomorrow.
    **{
        f"guard_{service}: {what}": "guards are alike"
        for service in catalog.services()
        if not watched(service)
        for what in ("Ledger Action dynamodb:GetItem", "Switch", "Spill Action s3:GetObject")
    },
}
"""What is allowed twice, or not needed yet, and why it is so."""


def test_no_function_has_a_right_that_it_does_not_need(recorded: frozenset[Ask]) -> None:
    asked, spare = everything(WIDE, recorded), []
    for name in OWN:
        own = [each for each in asked if each.who == name]
        for text in WIDE.roles[name].policies:
            for what, without in dropped(text):
                if all(is_allowed(WIDE, each, {text: without}) for each in own):
                    spare.append(f"{name}: {what}")
    assert {*spare} == {*SPARE}


def test_no_statement_for_aws_s_services_is_spare(recorded: frozenset[Ask]) -> None:
    asked, spare = everything(WIDE, recorded), []
    texts = [text for arn, text in WIDE.guarded.items() if ":s3:" not in arn]  # The bucket's only denies.
    texts += [key_policy(), WIDE.roles["LaterRole"].trust, WIDE.roles["SettingsMonitorRole"].trust]
    texts += [members()[0].roles["Forwarder"].trust, *members()[0].roles["Forwarder"].policies]
    for text in dict.fromkeys(texts):
        for what, without in dropped(text):
            if all(is_allowed(WIDE, each, {text: without}) for each in asked):
                spare.append(f"{text[:80]}: {what}")
    assert not spare, "\n".join(spare)


CONDITIONS = {
    **{arn: text for arn, text in WIDE.guarded.items() if ":s3:" not in arn},
    KEY: key_policy(),
    "LaterRole": WIDE.roles["LaterRole"].trust,
    "Forwarder": members()[0].roles["Forwarder"].trust,
}


@pytest.mark.parametrize("of", CONDITIONS)
def test_each_condition_for_aws_s_services_and_accounts_is_needed(of: str, recorded: frozenset[Ask]) -> None:
    """Another account's service, or a stranger's member, is admitted without it; and nobody is with another value."""
    text, asked = CONDITIONS[of], [each for each in everything(WIDE, recorded) if each.context]
    found = [
        (number, operator, key)
        for number, statement in enumerate(json.loads(text)["Statement"])
        for operator, wanted in statement.get("Condition", {}).items()
        for key in wanted
    ]
    assert found
    for number, operator, key in found:
        less, other = json.loads(text), json.loads(text)
        del less["Statement"][number]["Condition"][operator][key]
        other["Statement"][number]["Condition"][operator][key] = "nobody"
        bad = [_with(each, key.lower(), FRIEND) for each in asked if key.lower() in dict(each.context)]
        let_in = [each for each in bad if is_allowed(WIDE, each, {text: json.dumps(less)})]
        assert any(not is_allowed(WIDE, each) for each in let_in), (number, key, "the condition is not needed")
        assert any(not is_allowed(WIDE, each, {text: json.dumps(other)}) for each in asked), (number, key)


def _with(asked: Ask, key: str, value: str) -> Ask:
    return replace(asked, context=tuple((name, value if name == key else each) for name, each in asked.context))


def test_what_the_boundary_denies_it_alone_denies(recorded: frozenset[Ask]) -> None:
    """With a role that may do everything; and it leaves what Snapback itself needs."""
    boundary = WIDE.roles["act"].boundary
    assert boundary
    everybody = json.dumps({"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
    own = [WIDE.roles[name].arn for name in ("Reader", "FixerIam", "act")]
    climbs = [("iam:PutRolePolicy", arn) for arn in own]
    looks = [("iam:GetRole", own[0]), ("iam:ListAttachedRolePolicies", own[0])]

    def verdict(action: str, arn: str, text: str) -> str:
        return decide(Request(principal=own[2], action=action, arn=arn), [everybody], text)

    assert {verdict(*each, boundary) for each in climbs} == {"Deny"}
    assert {verdict(*each, boundary) for each in looks} == {ALLOW}
    asked = everything(WIDE, recorded)
    for what, without in dropped(boundary, denials=True):
        if " Action " in what or " Resource " in what:  # Most of them are the reader's and the fixers'.
            continue
        noticed = any(verdict(*each, without) != "Deny" for each in climbs)
        noticed = noticed or any(verdict(*each, without) != ALLOW for each in looks)
        assert noticed or any(not is_allowed(WIDE, each, {boundary: without}) for each in asked), what


def test_a_parameter_that_changes_what_somebody_may_is_among_those_that_are_tried() -> None:
    """Each other one, with another value, leaves all policies as they are."""
    from snapback.deploy.template.whole import template
    from tests.support.deployed import CHOICES, Stack

    made = template()
    plain = Stack(HOME, made, {})
    for name, each in made["Parameters"].items():
        if name not in CHOICES:
            others = [
                str(value)
                for value in each.get("AllowedValues", ("7", "x" * 16))
                if str(value) != str(each.get("Default"))
            ]
            stack = Stack(HOME, made, {name: others[0]})
            assert (stack.roles, stack.guarded) == (plain.roles, plain.guarded), name
