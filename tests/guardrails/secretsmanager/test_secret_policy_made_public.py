from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.event import Event
from chalicelib.resources.secretsmanager import Secret
from tests.support.events import HOME, STRANGER, Envelope, cloudtrail_event
from tests.support.resource_policies import Guarded

if TYPE_CHECKING:
    from tests.support.world import World

ARN = f"arn:aws:secretsmanager:us-east-1:{HOME}:secret:shop/db-a1B2c3"


def put(world: World, text: str) -> Envelope:
    """Secrets Manager chooses six characters of the ARN: here they are always the same."""
    client = world.client("secretsmanager")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("moto.secretsmanager.models.SecretsManagerSecretIdentifier.generate", lambda *_, **__: ARN)
        client.create_secret(Name="shop/db", SecretString="made-up")
    client.put_resource_policy(SecretId="shop/db", ResourcePolicy=text)
    parameters = {"secretId": "shop/db", "resourcePolicy": text}
    return cloudtrail_event("secretsmanager", "PutResourcePolicy", parameters, {"aRN": ARN, "name": "shop/db"})


def restored(world: World) -> Envelope:
    """With the policy that it had."""
    CASE.unsafe[0](world)
    client = world.client("secretsmanager")
    client.delete_secret(SecretId=ARN)
    client.restore_secret(SecretId=ARN)
    return cloudtrail_event("secretsmanager", "RestoreSecret", {"secretId": ARN}, {"aRN": ARN, "name": "shop/db"})


def bare(world: World) -> Envelope:
    envelope = CASE.unsafe[0](world)
    world.client("secretsmanager").delete_resource_policy(SecretId=ARN)
    return envelope


def whole(world: World) -> Any:
    client = world.client("secretsmanager")
    found = client.describe_secret(SecretId=ARN)
    return (
        DB.text(world),
        found["Name"],
        found["VersionIdsToStages"],
        client.get_secret_value(SecretId=ARN)["VersionId"],
    )


DB = Guarded(
    id="secretsmanager.secret_policy_made_public",
    arn=ARN,
    action="secretsmanager:GetSecretValue",
    put=put,
    text=lambda world: world.client("secretsmanager").get_resource_policy(SecretId=ARN).get("ResourcePolicy"),
    where="*",
    analyzed="AWS::SecretsManager::Secret",
)
CASE = DB.case(
    whole,
    lambda world: world.client("secretsmanager").delete_secret(SecretId=ARN, ForceDeleteWithoutRecovery=True),
    lambda world: world.client("secretsmanager").tag_resource(SecretId=ARN, Tags=[{"Key": "team", "Value": "web"}]),
    unsafe=(restored,),
    near_misses=(bare,),
)


def test_a_secret_that_is_to_be_deleted_lets_nobody_in(world: World) -> None:
    """AWS answers InvalidRequestException then, where moto goes on."""
    envelope = CASE.unsafe[0](world)
    with world.denied("GetResourcePolicy", code="InvalidRequestException"):
        (outcome,) = world.deliver(envelope, DB.id)
    assert outcome.status == "compliant"


@pytest.mark.parametrize("given", [None, {"secretId": "shop"}, {"secretId": ARN.replace(HOME, STRANGER)}])
def test_a_strange_event_names_no_secret(given: Any) -> None:
    assert not list(Secret.in_event(Event.parse(cloudtrail_event("secretsmanager", "PutResourcePolicy", given))))
