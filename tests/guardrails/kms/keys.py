"""A key of KMS, which has the same id in every test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.events import HOME, cloudtrail_event

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.events import Envelope
    from tests.support.world import World

ID = "12345678-1234-4234-8234-123456789012"


def make(world: World, **how: Any) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("moto.kms.models.generate_key_id", lambda *_, **__: ID)
        made = world.client("kms").create_key(**{"Description": "orders"} | how)["KeyMetadata"]["KeyId"]
    assert made == ID


def key(event: str, *calls: str, stored: dict[str, Any] | None = None, **how: Any) -> Callable[[World], Envelope]:
    """A key after these calls, and the event of one. `stored` is what no call of moto's leads to."""

    def made(world: World) -> Envelope:
        make(world, **how)
        for call in calls:
            getattr(world.client("kms"), call)(KeyId=ID)
        vars(in_moto()).update(stored or {})
        return cloudtrail_event("kms", event, {"keyId": ID})

    return made


def in_moto() -> Any:
    from moto.kms.models import kms_backends

    return kms_backends[HOME]["us-east-1"].keys[ID]


def whole(world: World) -> Any:
    return vars(in_moto()) | {"private_key": None, "key_material": None}


def remove(world: World) -> None:
    """As after the days that KMS waits."""
    from moto.kms.models import kms_backends

    del kms_backends[HOME]["us-east-1"].keys[ID]


def disturb(world: World) -> None:
    world.client("kms").update_key_description(KeyId=ID, Description="orders of the shop")
