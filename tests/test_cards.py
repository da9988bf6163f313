"""Each rule's card says true things: snippets that parse, actions and keys that exist, policies that refuse what they should."""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from botocore import xform_name

from chalicelib import catalog
from chalicelib.core.event import Event
from tests.dayone.changes import changes
from tests.support.authorization import BY_RCPS, asked_by, knows, matching
from tests.support.evaluator import ALLOW, ORGANIZATION, Request, decide
from tests.support.events import HOME
from tests.support.iam_actions import needed_by
from tests.support.snippets import _operations, cli_faults, cloudformation_faults, terraform_faults
from tools import cards
from tools.cards import NONE, Absent, Call, Card, Log, ResourceControlPolicy, ServiceControlPolicy, TrailEvents

if TYPE_CHECKING:
    from pathlib import Path

RULES = {rule.id: rule for rule in catalog.all_rules()}
CARDS = {each: cards.card_of(each) for each in RULES}
DENIES = [
    pytest.param(rule, each, id=f"{rule}-{number}")
    for rule, card in CARDS.items()
    for number, each in enumerate(card.prevention)
    if isinstance(each, ServiceControlPolicy | ResourceControlPolicy)
]
of_each_card = pytest.mark.parametrize(("id", "card"), [pytest.param(*each, id=each[0]) for each in CARDS.items()])
of_each_policy = pytest.mark.parametrize(("id", "denied"), DENIES)
SNIPPETS = {"cloudformation": cloudformation_faults, "terraform": terraform_faults, "cli": cli_faults}


def test_each_rule_has_a_card_and_each_card_a_rule() -> None:
    folders = (cards.ROOT / "chalicelib" / name for name in ("guardrails", "tripwires"))
    files = {path for folder in folders for path in folder.rglob("*.yaml")}
    assert files == {cards.path_of(rule) for rule in RULES.values()}


@of_each_card
@pytest.mark.parametrize("tool", SNIPPETS)
def test_the_right_way_parses(id: str, card: Card, tool: str) -> None:
    snippet = NONE if isinstance(card.right_way, Absent) else getattr(card.right_way, tool)
    assert snippet.startswith(NONE) or SNIPPETS[tool](snippet) == []


@of_each_card
def test_why_is_one_sentence(id: str, card: Card) -> None:
    assert card.why == " ".join(card.why.split())
    assert card.why.endswith(".")
    assert card.why.count(". ") == 0
    assert len(card.why.split()) <= 35


@of_each_card
def test_techniques_are_of_att_and_ck(id: str, card: Card) -> None:
    if not isinstance(card.technique, Absent):
        assert [each for each in card.technique if each not in cards.techniques()] == []
        assert len({*card.technique}) == len(card.technique)


@of_each_card
def test_uses_name_calls_events_and_logs_that_exist(id: str, card: Card) -> None:
    for use in () if isinstance(card.uses, Absent) else card.uses:
        match use:
            case Call():
                assert matching(use.action) == {use.action}
            case TrailEvents():
                assert [name for name in use.names if not _is_operation(name)] == []
            case Log():
                assert use.name in cards.LOGS


def _is_operation(name: str) -> bool:
    service, _, operation = name.partition(":")
    service = {"elasticfilesystem": "efs", "monitoring": "cloudwatch", "sso": "sso-admin"}.get(service, service)
    return xform_name(operation, "-") in _operations(service) or name in _ONLY_EVENTS


_ONLY_EVENTS = {
    "ec2:SharedSnapshotCopyInitiated",
    "ec2:SharedSnapshotVolumeCreated",
    "elasticfilesystem:NewClientConnection",
    "lambda:Invoke",
    "rolesanywhere:CreateSession",
    "s3:ListObjects",
    "signin:ConsoleLogin",
}
"""Names in CloudTrail that aren't a current operation's, or not one of the SDK's.

https://docs.aws.amazon.com/rolesanywhere/latest/userguide/authentication-create-session.html
https://docs.aws.amazon.com/ebs/latest/userguide/ebs-modifying-snapshot-permissions.html
https://docs.aws.amazon.com/efs/latest/ug/logging-using-cloudtrail.html
"""


@of_each_policy
def test_actions_and_keys_of_a_policy_exist(id: str, denied: ServiceControlPolicy | ResourceControlPolicy) -> None:
    """By the Service Authorization Reference: a key that an action doesn't know makes a Deny that never, or always, matches."""
    actions = {action for each in denied.statement.action for action in matching(each) or {f"no action {each}"}}
    keys = {key for each in denied.statement.condition.values() for key in each}
    assert [each for each in actions if each.startswith("no action")] == []
    assert [(action, key) for action in sorted(actions) for key in sorted(keys) if not knows(action, key)] == []
    for request in (*denied.refuses, *denied.passes):
        assert matching(request.action) == {request.action}
        assert [key for key in request.context if not knows(request.action, key)] == []
        assert request.resource == "*" or request.resource.startswith("arn:aws:")
    assert len(json.dumps(cards.policy(denied))) <= 5120
    if isinstance(denied, ResourceControlPolicy):
        assert {each.partition(":")[0] for each in denied.statement.action} <= BY_RCPS


@of_each_policy
def test_a_policy_refuses_the_rules_own_unsafe_calls_and_passes_the_closest_safe_ones(
    id: str, denied: ServiceControlPolicy | ResourceControlPolicy
) -> None:
    policy = allowing_all_but(denied)
    assert [each for each in denied.refuses if _decided(each, policy) == ALLOW] == []
    assert [each for each in denied.passes if _decided(each, policy) != ALLOW] == []
    # An SCP refuses the change that the rule hears of; an RCP refuses the outsider who makes use of it.
    heard = asked_by(RULES[id].on) if isinstance(denied, ServiceControlPolicy) else frozenset()
    assert not heard or heard & {each.action for each in denied.refuses}, f"the rule hears of {sorted(heard)}"


@of_each_policy
def test_a_policy_lets_snapback_fix_and_undo(id: str, denied: ServiceControlPolicy | ResourceControlPolicy) -> None:
    """By the exact ARNs of the fixers that send such calls, and of no other role."""
    policy = allowing_all_but(denied)
    for arn in cards.exempt(denied.statement):
        role = arn.replace("arn:*:iam::*", f"arn:aws:iam::{HOME}")
        assert "*" not in role
        assert {_decided(each, policy, role) for each in denied.refuses} == {ALLOW}
        assert ALLOW not in {_decided(each, policy, f"{role}-2") for each in denied.refuses}


@of_each_policy
def test_a_policy_passes_what_a_well_made_account_does(
    id: str, denied: ServiceControlPolicy | ResourceControlPolicy
) -> None:
    policy = allowing_all_but(denied)
    assert [each.action for each in day_one() if decide(each, [policy]) != ALLOW] == []


@cache
def day_one() -> list[Request]:
    events = [Event.parse(json.loads(json.dumps(each))) for each in changes()]
    calls = {(each.detail["eventSource"].partition(".")[0], each.call) for each in events}
    role = f"arn:aws:iam::{HOME}:role/github-deploy"
    return [Request(principal=role, action=needed_by(*call), arn="*", context=ALWAYS) for call in sorted(calls)]


def allowing_all_but(denied: ServiceControlPolicy | ResourceControlPolicy) -> str:
    """The policy as its reader attaches it, as an identity's: a Deny decides alike wherever it stands."""
    (statement,) = cards.policy(denied)["Statement"]
    statement = {key: part for key, part in statement.items() if key != "Principal"}
    allowed: dict[str, Any] = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [allowed, statement]})


ALWAYS = {
    "aws:principalaccount": HOME,
    "aws:principalisawsservice": "false",
    "aws:principalorgid": ORGANIZATION,
    "aws:principaltype": "AssumedRole",
    "aws:requestedregion": "us-east-1",
    "aws:resourceaccount": HOME,
    "aws:resourceorgid": ORGANIZATION,
    "aws:securetransport": "true",
    "aws:viaawsservice": "false",
}
"""What AWS knows of a request of a role of the organization's."""


def _decided(asked: cards.Request, policy: str, role: str = "") -> str:
    context = ALWAYS | {key.lower(): value for key, value in asked.context.items()}
    principal = role or asked.principal
    return decide(Request(principal=principal, action=asked.action, arn=asked.resource, context=context), [policy])


def test_no_two_rules_have_a_text_in_common() -> None:
    told = Counter(text for card in CARDS.values() for text in {text for _, text in cards.texts(card)})
    assert [text for text, count in told.items() if count > 1] == []


def test_no_card_is_a_skeleton() -> None:
    """As `make new` writes it."""
    assert [
        each for each, card in CARDS.items() if "is a skeleton" in "".join(text for _, text in cards.texts(card))
    ] == []


GOOD = """
why: Anyone on the internet can read it.
right_way: none, because this is a test
technique: [T1530]
prevention: none, because this is a test
uses: none, because this is a test
"""


@pytest.mark.parametrize(
    ("wrong", "right", "said"),
    [
        ("technique: [T1530]", "", "technique: missing; write a list of MITRE ATT&CK ids"),
        ("technique:", "techniques:", "no such key: techniques; there are why, right_way, technique, prevention, uses"),
        ("technique: [T1530]", "technique: []", "technique: Expected `array` of length >= 1; write a list"),
        ("technique: [T1530]", "technique: T1530", "technique: Expected `array`, got `str`; write a list"),
        ("technique: [T1530]", "technique: none", "technique: Expected `array`, got `str`; write a list"),
        ("why:", "why: [", "not valid YAML"),
        ("technique:", "why: Twice is once too often.\ntechnique:", "the key 'why' stands twice"),
        ("right_way: none, because this is a test", "right_way: {cli: aws sts get-caller-identity}", "missing required field `cloudformation`"),
        ("uses: none, because this is a test", "uses: [{kind: rumour, shows: Nobody uses it at all.}]", "Invalid value 'rumour' - at `$[0].kind`; write a list, each with `kind`"),
        ("why: Anyone on the internet can read it.", "why: none, because", "why: Expected `str` of length >= 20; write one sentence"),
    ],
)  # fmt: skip
def test_a_card_that_is_wrong_is_refused_with_what_to_write(wrong: str, right: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "card.yaml"
    file.write_text(GOOD)
    assert cards.read(file).technique == ("T1530",)
    assert wrong in GOOD
    file.write_text(GOOD.replace(wrong, right, 1))
    with pytest.raises(cards.BadCard, match=r"card\.yaml: ") as refused:
        cards.read(file)
    assert said in str(refused.value)


def test_a_card_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(cards.BadCard, match=r"none\.yaml: missing; write why, right_way"):
        cards.read(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("tool", "snippet", "said"),
    [
        ("cloudformation", "Resources:\n  B:\n    Type: AWS::S3::Bucket\n    Properties: {Nme: x}\n", "E3002"),
        ("terraform", 'resource "a" "b" {', "Unexpected"),
        ("terraform", "a = 1\n", "there is no resource"),
        ("cli", "aws s3api put-bucket-acll --bucket x", "no such operation"),
        ("cli", "aws s3api put-bucket-acl --buckett x", "no such option: --buckett"),
        ("cli", "aws s3api put-bucket-acl --acl private", "--bucket is missing"),
        ("cli", "aws s3api put-bucket-acl --bucket x --acl pubic", "pubic is none of private"),
        ("cli", "aws s3api put-bucket-ownership-controls --bucket x --ownership-controls '{\"Rule\": []}'", 'Unknown parameter in input: "Rule"'),
        ("cli", "rm -rf x", "no command of the AWS CLI"),
        ("cli", "aws s4 put-bucket-acl --bucket x", "no such service"),
        ("cli", "# Nothing.", "there is no command"),
    ],
)  # fmt: skip
def test_a_snippet_that_is_wrong_is_found(tool: str, snippet: str, said: str) -> None:
    assert said in "; ".join(SNIPPETS[tool](snippet))


def test_keys_are_those_of_the_action() -> None:
    assert knows("s3:PutBucketAcl", "s3:x-amz-acl")
    assert not knows("s3:PutBucketAcl", "iam:PolicyARN")
    assert not knows("iam:CreateAccessKey", "aws:RequestTag/team")
    assert knows("ec2:RunInstances", "aws:RequestTag/team")
    assert matching("s3:PutBucketAcll") == frozenset()
