from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.event import Event
from chalicelib.resources.kms import Key
from tests.support.events import HOME, STRANGER, Envelope, cloudtrail_event
from tests.support.resource_policies import Guarded, root

if TYPE_CHECKING:
    from tests.support.world import World

ID = "12345678-1234-4234-8234-123456789012"
ARN = f"arn:aws:kms:us-east-1:{HOME}:key/{ID}"
OWNER = {"Sid": "Owner", "Effect": "Allow", "Principal": {"AWS": root(HOME)}, "Action": "kms:*", "Resource": "*"}


def make(world: World, text: str) -> None:
    """KMS chooses a key's id: here it is always the same."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("moto.kms.models.generate_key_id", lambda *_, **__: ID)
        made = world.client("kms").create_key(Policy=text, Description="orders")["KeyMetadata"]["KeyId"]
    assert made == ID


def put(world: World, text: str) -> Envelope:
    make(world, text)
    return cloudtrail_event("kms", "PutKeyPolicy", {"keyId": ID, "policyName": "default", "policy": text})


def created(world: World) -> Envelope:
    text = ORDERS.written(ORDERS.allow("*"))
    make(world, text)
    return cloudtrail_event("kms", "CreateKey", {"policy": text}, {"keyMetadata": {"keyId": ID, "arn": ARN}})


def whole(world: World) -> Any:
    kms = world.client("kms")
    rotates = kms.get_key_rotation_status(KeyId=ID)["KeyRotationEnabled"]
    return ORDERS.text(world), kms.describe_key(KeyId=ID)["KeyMetadata"], rotates


def remove(world: World) -> None:
    """As after the days that KMS waits."""
    from moto.kms.models import kms_backends

    del kms_backends[HOME]["us-east-1"].keys[ID]


ORDERS = Guarded(
    id="kms.key_policy_made_public",
    arn=ARN,
    action="kms:Decrypt",
    put=put,
    text=lambda world: str(world.client("kms").get_key_policy(KeyId=ID, PolicyName="default")["Policy"]),
    where="*",
    always=(OWNER,),
    analyzed="AWS::KMS::Key",
)
VIA = {"kms:ViaService": "s3.us-east-1.amazonaws.com"}
CASE = ORDERS.case(
    whole,
    remove,
    lambda world: world.client("kms").enable_key_rotation(KeyId=ID),
    unsafe=(created, ORDERS.policy(ORDERS.allow({"AWS": "*"}, "Via", StringEquals=VIA))),
    near_misses=(ORDERS.policy(ORDERS.allow({"AWS": "*"}, "Via", StringEquals={**VIA, "kms:CallerAccount": HOME})),),
)


def test_a_key_with_no_statement_left_is_its_accounts(world: World) -> None:
    envelope = put(world, json.dumps({"Version": "2012-10-17", "Statement": [ORDERS.allow({"AWS": root(STRANGER)})]}))
    (outcome,) = world.deliver(envelope, ORDERS.id)
    assert outcome.status == "fixed"
    (left,) = json.loads(ORDERS.text(world) or "")["Statement"]
    assert (left["Principal"], left["Action"]) == ({"AWS": root(HOME)}, "kms:*")


@pytest.mark.parametrize(
    "given", [None, {"keyId": "alias/orders"}, {"keyId": ARN.replace(HOME, STRANGER)}, {"keyId": f"{ID}0"}]
)
def test_a_strange_event_names_no_key(given: Any) -> None:
    assert not list(Key.in_event(Event.parse(cloudtrail_event("kms", "PutKeyPolicy", given))))
