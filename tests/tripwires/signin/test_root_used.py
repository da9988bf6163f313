from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.events import HOME, STRANGER, Envelope, alice, cloudtrail_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "signin.root_used"
ROOT = {"type": "Root", "principalId": HOME, "arn": f"arn:aws:iam::{HOME}:root", "accountId": HOME, "accessKeyId": ""}
SPELLINGS = ("AWS Console Sign In via CloudTrail", "AWS Console Signin via CloudTrail")


def call(actor: Any = ROOT, **detail: Any) -> Envelope:
    return cloudtrail_event("iam", "CreateAccessKey", None, {"accessKey": {"status": "Active"}}, actor=actor, **detail)


def sign_in(answer: str, mfa: str = "No", *, actor: Any = ROOT, spelling: str = SPELLINGS[0]) -> Envelope:
    envelope = cloudtrail_event(
        "signin",
        "ConsoleLogin",
        None,
        {"ConsoleLogin": answer},
        actor=actor,
        eventType="AwsConsoleSignIn",
        additionalEventData={"LoginTo": "https://console.aws.amazon.com/", "MobileVersion": "No", "MFAUsed": mfa},
    )
    return envelope | {"detail-type": spelling}


def password_not_changed() -> Envelope:
    envelope = cloudtrail_event("signin", "PasswordUpdated", None, {"PasswordUpdated": "Failure"}, actor=ROOT)
    return envelope | {"detail-type": SPELLINGS[0]}


def on_billing() -> Envelope:
    envelope = cloudtrail_event("billingconsole", "SetContactAddress", {}, {}, actor=ROOT, eventType="AwsConsoleAction")
    return envelope | {"detail-type": "AWS Console Action via CloudTrail"}


@pytest.mark.parametrize(
    ("envelope", "reason"),
    [
        (call(), "root called iam:CreateAccessKey"),
        (call({**ROOT, "invokedBy": "signin.amazonaws.com"}), "root called iam:CreateAccessKey"),
        (call(errorCode="AccessDenied"), "root tried iam:CreateAccessKey, and was refused (AccessDenied)"),
        (call(eventType=None), "root called iam:CreateAccessKey"),
        (sign_in("Success"), "root signed in to the console without MFA"),
        (sign_in("Success", spelling=SPELLINGS[1]), "root signed in to the console without MFA"),
        (sign_in("Success", "Yes"), "root signed in to the console with MFA"),
        (sign_in("Success", "YES"), "root signed in to the console with MFA"),
        (sign_in("Failure"), "someone tried to sign in to the console as root, and failed"),
        (password_not_changed(), "someone tried signin:PasswordUpdated as root, and failed"),
        (on_billing(), "root called billingconsole:SetContactAddress"),
    ],
)
def test_root_at_work_is_reported(envelope: Envelope, reason: str, world: World) -> None:
    (outcome,) = world.deliver(envelope, ID, "fix")
    assert (outcome.status, outcome.reason) == ("alerted", reason)
    assert world.record(outcome.record).actor.name == "root"


@pytest.mark.parametrize("strange", [None, [], "x", {"ConsoleLogin": None}])
def test_a_sign_in_of_a_strange_shape_is_reported_all_the_same(strange: Any, world: World) -> None:
    envelope = sign_in("Success")
    envelope["detail"]["responseElements"] = envelope["detail"]["additionalEventData"] = strange
    (outcome,) = world.deliver(envelope, ID)
    assert outcome.status == "alerted"


@pytest.mark.parametrize(
    "envelope",
    [
        call(alice()),
        call({**ROOT, "type": "AssumedRole", "arn": f"arn:aws:sts::{HOME}:assumed-role/root/root"}),
        call({"type": "AWSAccount", "principalId": STRANGER, "accountId": STRANGER}),
        call({**ROOT, "invokedBy": "autoscaling.amazonaws.com"}),
        call({**ROOT, "invokedBy": "AWS Internal"}),
        call(eventType="AwsServiceEvent"),
        call() | {"detail-type": "AWS Service Event via CloudTrail"},
        call({"accountId": HOME, "invokedBy": "kms.amazonaws.com"}),
        sign_in("Success", actor=alice()),
    ],
)
def test_others_and_services_are_not(envelope: Envelope, world: World) -> None:
    assert not world.deliver(envelope, ID)


def test_nobody_there_at_all_is_no_error(world: World) -> None:
    envelope = call()
    envelope["detail"]["userIdentity"] = None
    assert not world.deliver(envelope, ID)


def test_the_same_event_twice_is_reported_once(world: World) -> None:
    envelope = sign_in("Success")
    assert [world.deliver(envelope, ID)[0].status for _ in range(2)] == ["alerted", "duplicate"]
