from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.guardrails.secretsmanager.test_secret_policy_made_public import ARN, put
from tests.support.cases import Case
from tests.support.events import cloudtrail_event

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.events import Envelope
    from tests.support.world import World


def secret(*calls: str, given: str = ARN) -> Callable[[World], Envelope]:
    def made(world: World) -> Envelope:
        put(world, '{"Version": "2012-10-17", "Statement": []}')
        for call in calls:
            getattr(world.client("secretsmanager"), call)(SecretId=ARN)
        answer = {"aRN": ARN, "name": "shop/db", "deletionDate": "Dec 23, 2026, 10:00:00 AM"}
        return cloudtrail_event("secretsmanager", "DeleteSecret", {"secretId": given}, answer)

    return made


def whole(world: World) -> Any:
    found = world.client("secretsmanager").describe_secret(SecretId=ARN)
    return {name: value for name, value in found.items() if name != "ResponseMetadata"}


CASE = Case(
    unsafe=(secret("delete_secret"), secret("delete_secret", given="shop/db")),
    near_misses=(secret(), secret("delete_secret", "restore_secret")),
    whole=whole,
    remove=lambda world: world.client("secretsmanager").delete_secret(SecretId=ARN, ForceDeleteWithoutRecovery=True),
    disturb=lambda world: world.client("secretsmanager").tag_resource(
        SecretId=ARN, Tags=[{"Key": "team", "Value": "web"}]
    ),
)
