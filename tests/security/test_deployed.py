"""The deployed policies, boundary, trusts, and the bucket's and the key's policies, taken together, with all parameters.

What guardrails' tests ask of AWS is held to them by tests/support/iam.py, call by call; what functions ask besides, by
test_deployed_calls.py. Here is what nobody may, and that each condition is needed: without it, or with another value, some
verdict is another one.
"""

from __future__ import annotations

import json
import re
from copy import deepcopy
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib import catalog
from chalicelib.core.baseline import Baseline
from chalicelib.core.snapback_resources import fixer, own_role
from snapback.deploy.iam_policies import KEY_ACTIONS, fixer_of, fixers, fixing, functions, undoing
from tests.support.deployed import EXTERNAL_ID, KEY, MEMBER, OPERATOR, Role, Stack, homes, members
from tests.support.evaluator import ALLOW, ORGANIZATION, Request, decide, trusts
from tests.support.events import FRIEND, HOME, STACK

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVICES = tuple(catalog.services())
GUARDS = tuple(f"guard_{service}" for service in SERVICES)
RECORD = "0123456789abcdef"
KNOWN = Baseline(stack=STACK)
WRITERS = (*GUARDS, "act", "sweep_worker")


def allowed(stack: Stack, function: str, action: str, arn: str, **context: Any) -> bool:
    return _decide(stack.roles[function], action, arn, context) == ALLOW


def _decide(role: Role, action: str, arn: str, context: dict[str, Any]) -> str:
    request = Request(principal=role.arn, action=action, arn=arn, context=context)
    return decide(request, role.policies, role.boundary)


def item(stack: Stack, function: str, action: str, *keys: str) -> bool:
    context = {"dynamodb:leadingkeys": [*keys]} if keys else {}
    return allowed(stack, function, f"dynamodb:{action}", stack.arn("Ledger"), **context)


def items_of(service: str) -> list[str]:
    """The keys that one transaction of a service's record writes."""
    arn = "arn:aws:s3:::x"
    return [f"record#{service}.{RECORD}", f"slot#{service}.rule#{arn}#r", f"lock#{service}#doc#{arn}#r"]


class TestRooms:
    """Kind by kind of item, who may write it."""

    def test_a_guard_writes_its_own_service_s_items(self) -> None:
        for stack in homes():
            for service in SERVICES:
                for action in ("GetItem", "PutItem", "UpdateItem"):
                    assert item(stack, f"guard_{service}", action, *items_of(service)), (service, stack.parameters)
                assert item(stack, f"guard_{service}", "UpdateItem", f"fixes#{service}.rule#{HOME}#t")
                assert item(stack, f"guard_{service}", "UpdateItem", f"unjudged#{service}.x")
                assert item(stack, f"guard_{service}", "GetItem", "pause")

    def test_and_nothing_of_another_s(self) -> None:
        stack = homes()[0]
        for service in SERVICES:
            function, others = f"guard_{service}", [each for each in SERVICES if each != service]
            for key in (
                key for other in others for key in [*items_of(other), f"fixes#{other}.r", f"unjudged#{other}.r"]
            ):
                assert not item(stack, function, "PutItem", key), (function, key)
                assert not item(stack, function, "GetItem", key), (function, key)
                assert not item(stack, function, "PutItem", *items_of(service), key), (function, key)

    @pytest.mark.parametrize("function", functions())
    def test_what_only_one_may_write(self, function: str) -> None:
        may = {
            "undo#s3.1": {"act"},
            "action_token#x": {"act"},
            "message#ops#s3.1#1": {"notify"},
            "outbox": {"notify"},
            "chat#s3.1#ops": {"notify"},
            "canary#sign": set[str](),
            "index": {"act"},
            "pause": set[str](),
            f"record#{RECORD}": {"act", "sweep_worker"},
            f"record#iam.{RECORD}": {"act", "sweep_worker", "guard_iam"},
        }
        for stack in homes():
            for key, who in may.items():
                assert item(stack, function, "PutItem", key) is (function in who), (function, key)

    @pytest.mark.parametrize("function", functions())
    def test_nobody_reads_the_table_whole_or_deletes_records(self, function: str) -> None:
        stack = homes()[0]
        for action in ("Scan", "Query", "GetItem", "PutItem", "UpdateItem", "PartiQLSelect"):
            assert not item(stack, function, action), (function, action)
        assert not item(stack, function, "DeleteItem", f"record#s3.{RECORD}")

    def test_a_guard_s_spills_are_its_own_service_s(self) -> None:
        bucket = "arn:aws:s3:::snapback-spill-1a2b3c/records"
        for stack in homes():
            for service in SERVICES:
                for action in ("s3:GetObject", "s3:PutObject"):
                    assert allowed(stack, f"guard_{service}", action, f"{bucket}/{service}.{RECORD}/x.json")
                    other = next(each for each in SERVICES if each != service)
                    assert not allowed(stack, f"guard_{service}", action, f"{bucket}/{other}.{RECORD}/x.json")
                    assert not allowed(stack, f"guard_{service}", action, f"{bucket}/{RECORD}/x.json")

    def test_the_bucket_refuses_all_requests_without_tls(self) -> None:
        for stack in homes():
            policy = json.dumps(stack.plain(stack.source["Resources"]["SpillPolicy"]["Properties"]["PolicyDocument"]))
            role, arn = stack.roles["act"], "arn:aws:s3:::snapback-spill-1a2b3c/records/s3.1/x.json"
            asked = Request(principal=role.arn, action="s3:GetObject", arn=arn)
            plain = replace(asked, context={"aws:securetransport": False})
            assert decide(asked, role.policies, role.boundary, policy) == ALLOW
            assert decide(plain, role.policies, role.boundary, policy) == "Deny"


def assumes(stack: Stack, function: str, account: str, role: str, **changed: Any) -> bool:
    """Whether the function may ask, and the role trusts it: with session and source identity after a record."""
    caller, name = stack.roles[function], f"snapback-s3.{RECORD}"
    context = {"aws:resourceorgid": ORGANIZATION, **changed}
    arn = f"arn:aws:iam::{account}:role/{role}"
    if _decide(caller, "sts:AssumeRole", arn, context) != ALLOW:
        return False
    given = {
        "sts:rolesessionname": name,
        "sts:sourceidentity": name,
        "sts:externalid": EXTERNAL_ID,
        "aws:principalorgid": ORGANIZATION,
    }
    there = stack if account == HOME else members()[0]
    (trust,) = (each.trust for each in there.roles.values() if each.arn.endswith(f":role/{role}"))
    asked = Request(principal=caller.arn, action="sts:AssumeRole", arn=arn, context={**given, **changed})
    return trusts(trust, asked)


class TestRoles:
    @pytest.mark.parametrize("account", [HOME, MEMBER])
    def test_a_guard_assumes_its_own_fixer_and_act_alone_those_that_undo(self, account: str) -> None:
        for stack in homes():
            for name, (service, undo) in fixers().items():
                if fixer_of(service, undo=undo, member=account != HOME):
                    may = {each for each in functions() if assumes(stack, each, account, name)}
                    assert may == ({"act"} if undo else {"act", "sweep_worker", f"guard_{service}"}), name

    @pytest.mark.parametrize(
        "changed",
        [
            {"sts:rolesessionname": "mine"},
            {"sts:sourceidentity": "mine"},
            {"sts:externalid": "guessed"},
            {"aws:principalorgid": "o-somebodyelse"},
            {"aws:resourceorgid": "o-somebodyelse"},
        ],
        ids=str,
    )
    def test_a_member_s_fixer_is_for_one_record_and_our_organization(self, changed: dict[str, Any]) -> None:
        for stack in homes():
            assert assumes(stack, "guard_s3", MEMBER, fixer("s3"))
            assert not assumes(stack, "guard_s3", MEMBER, fixer("s3"), **changed)

    @pytest.mark.parametrize(
        "name",
        [
            "snapback-GuardIamRole-x/ci",
            "snapback-ActRole-x/ci",
            "ci",
            "snapback-test-GuardIamRole-1A",
            "snapback-ActRole",
            "snapback-GuardIamRole-x-y",
            "snapback-ActRole-1A2B-3C4D",
            "snapback-evilRole-x-1A2B3C",
        ],
    )
    def test_nobody_else_s_role_fits_a_trust(self, name: str) -> None:
        who = {"sts:rolesessionname": f"snapback-{RECORD}", "sts:sourceidentity": f"snapback-{RECORD}"}
        context = {**who, "sts:externalid": EXTERNAL_ID, "aws:principalorgid": ORGANIZATION}
        for stack in (*homes(), *members()):
            for logical, role in stack.roles.items():
                if logical == "Reader" and own_role(KNOWN, f"arn:aws:iam::{HOME}:role/{name}"):
                    continue  # It trusts all roles of the stack's functions, known by their names, as tripwires know them.
                asked = Request(
                    principal=f"arn:aws:iam::{HOME}:role/{name}", action="sts:AssumeRole", arn="*", context=context
                )
                assert not role.trust or not trusts(role.trust, asked), (role.arn, name)

    def test_operators_may_only_when_they_are_named(self) -> None:
        context = {"sts:rolesessionname": f"snapback-{RECORD}", "sts:sourceidentity": f"snapback-{RECORD}"}
        asked = Request(principal=OPERATOR, action="sts:AssumeRole", arn="*", context=context)
        for stack in homes():
            for logical in ("Reader", "FixerIam", "FixerIamUndo"):
                assert trusts(stack.roles[logical].trust, asked) is bool(stack.parameters["Operators"])

    def test_no_fixer_touches_snapback_s_own_roles_and_policies(self) -> None:
        own_arns = [role.arn for role in homes()[-1].roles.values()]
        for stack in homes():
            for logical in ("FixerIam", "FixerIamUndo"):
                role = stack.roles[logical]
                for arn in own_arns:
                    for action in ("iam:PutRolePolicy", "iam:AttachRolePolicy", "iam:UpdateAssumeRolePolicy"):
                        assert _decide(role, action, arn, {}) != ALLOW, (logical, action, arn)


class TestWithABoundaryAndAKey:
    """Each works with each: what a boundary takes that Snapback needs, it says nowhere but in AWS's errors."""

    def test_what_waits_is_passed_on_to_the_scheduler(self) -> None:
        for stack in homes():
            later = stack.roles["LaterRole"].arn
            for function in (f"guard_{each}" for each in SERVICES if catalog.has_grace(each)):
                schedule = f"arn:aws:scheduler:us-east-1:{HOME}:schedule/snapback-Later-1A2B3C/x"
                to = {"iam:passedtoservice": "scheduler.amazonaws.com"}
                assert allowed(stack, function, "scheduler:CreateSchedule", schedule)
                assert allowed(stack, function, "iam:PassRole", later, **to)
                assert not allowed(
                    stack, function, "iam:PassRole", later, **{"iam:passedtoservice": "ec2.amazonaws.com"}
                )
                assert not allowed(stack, function, "iam:PassRole", stack.roles["act"].arn, **to)

    def test_the_reader_looks_at_snapback_s_own_roles_too(self) -> None:
        for stack in homes():
            for name in ("Reader", "FixerIam", "act"):
                for action in ("iam:GetRole", "iam:ListAttachedRolePolicies"):
                    assert _decide(stack.roles["Reader"], action, stack.roles[name].arn, {}) == ALLOW

    def test_whoever_meets_the_key_may_use_it(self) -> None:
        root = {"AWS": f"arn:aws:iam::{HOME}:root"}
        delegates = json.dumps(
            {"Statement": [{"Effect": "Allow", "Principal": root, "Action": "kms:*", "Resource": "*"}]}
        )
        for stack in homes():
            for name in (*functions(), "LaterRole"):
                role = stack.roles[name]
                for action in KEY_ACTIONS:
                    asked = Request(principal=role.arn, action=action, arn=KEY)
                    found = decide(asked, role.policies, role.boundary, delegates, required=True)
                    assert (found == ALLOW) is bool(stack.parameters["KmsKeyArn"]), (name, action)

    def test_the_scheduler_calls_guards_and_sends_dead_letters(self) -> None:
        for stack in homes():
            role = stack.roles["LaterRole"]
            assert _decide(role, "lambda:InvokeFunction", stack.arn("GuardS3"), {}) == ALLOW
            assert _decide(role, "sqs:SendMessage", stack.arn("DeadLetters"), {}) == ALLOW
            assert _decide(role, "lambda:InvokeFunction", stack.arn("Act"), {}) != ALLOW


GOOD: dict[str, Any] = {"aws:ResourceOrgID": ORGANIZATION, "aws:ResourceAccount": HOME}
OTHERS = "somebody-else"
Mutant = tuple[str, int, str, str]
"""A role, the number of a statement of its first document or trust, an operator and a key."""


@cache
def wide() -> dict[str, Role]:
    """The roles of the stacks with everything on, home and member."""
    return {
        **{f"home {name}": role for name, role in homes()[-1].roles.items()},
        **{f"member {name}": role for name, role in members()[-1].roles.items()},
    }


def conditions(text: str) -> Iterator[tuple[int, str, str]]:
    for number, statement in enumerate(json.loads(text)["Statement"]):
        for operator, asked in statement.get("Condition", {}).items():
            yield from ((number, operator, key) for key in asked)


def instance(pattern: str) -> str:
    """Something that a pattern matches, without a slash."""
    return pattern.replace("${aws:PrincipalOrgID}", ORGANIZATION).replace("*", "x1")


def first(value: Any) -> str:
    return str(value[0] if isinstance(value, list) else value)


def meeting(statement: Any, account: str) -> dict[str, Any]:
    """Values of all keys of a statement's conditions that meet them; those of `ArnNotLike` are met by its `ArnLike`."""
    context: dict[str, Any] = {}
    for operator, asked in statement.get("Condition", {}).items():
        for key, wanted in asked.items():
            if operator not in {"Null", "ArnNotLike"}:
                value = instance(first(wanted))
                context[key.lower()] = [value] if key == "dynamodb:LeadingKeys" else value
    if "aws:resourceaccount" in context:
        context["request:resourceaccount"] = context.pop("aws:resourceaccount")
    return context


def without(text: str, number: int, operator: str, key: str, value: Any = None) -> str:
    """The document with one condition dropped, or with another value."""
    document = deepcopy(json.loads(text))
    asked = document["Statement"][number]["Condition"][operator]
    if value is None:
        del asked[key]
    else:
        asked[key] = value
    if not asked:
        del document["Statement"][number]["Condition"][operator]
    return json.dumps(document)


def failing(context: dict[str, Any], operator: str, key: str) -> dict[str, Any]:
    """The context that fails this one condition."""
    name = "request:resourceaccount" if key == "aws:ResourceAccount" else key.lower()
    if operator == "Null":
        return {each: value for each, value in context.items() if each != name}
    return {**context, name: [OTHERS] if key == "dynamodb:LeadingKeys" else FRIEND if "account" in name else OTHERS}


IDENTITY: list[Any] = [
    pytest.param(
        name,
        at,
        *found,
        id=f"{name} {json.loads(text)['Statement'][found[0]].get('Sid', found[0])} {found[1]} {found[2]}",
    )
    for name, role in wide().items()
    for at, text in enumerate(role.policies)
    for found in conditions(text)
]


@pytest.mark.parametrize(("name", "at", "number", "operator", "key"), IDENTITY)
def test_each_condition_of_a_role_s_policies_is_needed(
    name: str, at: int, number: int, operator: str, key: str
) -> None:
    role = wide()[name]
    text = role.policies[at]
    statement = json.loads(text)["Statement"][number]
    account = role.arn.split(":")[4]
    context = meeting(statement, account)
    arn = instance(
        next(
            (each for each in statement["Resource"] if each.count(":") < 5 or not each.split(":")[4].isdigit()),
            statement["Resource"][0],
        )
    )

    def verdict(document: str, given: dict[str, Any], action: str) -> str:
        policies = [document if index == at else each for index, each in enumerate(role.policies)]
        return decide(Request(principal=role.arn, action=action, arn=arn, context=given), policies, role.boundary)

    bad = failing(context, operator, key)
    good, failed = ("Deny", ALLOW) if statement["Effect"] == "Deny" else (ALLOW, "ImplicitDeny")
    # What a Deny is about, another statement has to allow, or nobody could tell.
    action = next((each for each in statement["Action"] if verdict(text, bad, each) == failed), "")
    assert action, "a request that fails the condition gets the same answer"
    assert verdict(text, context, action) == good
    assert verdict(without(text, number, operator, key), bad, action) == good, "the condition is not needed"
    other = ["true"] if operator == "Null" else ["nobody"]
    assert verdict(without(text, number, operator, key, other), context, action) == failed, "any value would do"


TRUST: list[Any] = [
    pytest.param(name, *found, id=f"{name} {found[0]} {found[1]} {found[2]}")
    for name, role in wide().items()
    if role.trust
    for found in conditions(role.trust)
]


@pytest.mark.parametrize(("name", "number", "operator", "key"), TRUST)
def test_each_condition_of_a_trust_is_needed(name: str, number: int, operator: str, key: str) -> None:
    role = wide()[name]
    statement = json.loads(role.trust)["Statement"][number]
    alone = json.dumps(
        {"Statement": [statement]}
    )  # A role trusts several: whoever fails one statement may meet another.
    context = meeting(statement, HOME)
    principal = context.pop("aws:principalarn", f"arn:aws:iam::{HOME}:root")

    def verdict(document: str, given: dict[str, Any]) -> bool:
        given = {**given}
        who = given.pop("aws:principalarn", principal)
        return trusts(document, Request(principal=who, action=statement["Action"], arn="*", context=given))

    bad = failing(context, operator, key)
    if key == "aws:PrincipalArn":
        stranger = re.sub(r"role/.*", "role/other", principal)
        bad = {**context, "aws:principalarn": f"{principal}/ci" if operator == "ArnNotLike" else stranger}
    assert verdict(alone, context)
    assert not verdict(alone, bad)
    assert verdict(without(alone, 0, operator, key), bad), "the condition is not needed"
    other = "*" if operator == "ArnNotLike" else "nobody"
    assert not verdict(without(alone, 0, operator, key, other), context), "any value would do"


def test_there_are_conditions_to_mutate() -> None:
    assert len(IDENTITY) > 100
    assert len(TRUST) > 100
    assert {*undoing()} <= {*fixing()}
