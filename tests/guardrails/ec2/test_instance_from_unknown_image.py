from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.core.baseline import Allow
from chalicelib.core.settings import Settings
from tests.guardrails.ec2.instances import forget, image, launch, launched, the_instance
from tests.support.cases import Case
from tests.support.events import FRIEND, HOME, REGION, STRANGER, Envelope

if TYPE_CHECKING:
    from tests.support.world import World

ID = "ec2.instance_from_unknown_image"


def started(owner: str, alias: str | None = None) -> Any:
    def made(world: World) -> Envelope:
        from moto.ec2.models import ec2_backends

        found = image(world)
        instance = launch(world, ImageId=found)
        ami = ec2_backends[HOME][REGION].amis[found]
        vars(ami).update(owner_id=owner, image_owner_alias=alias)
        return launched(instance)

    return made


def gone(world: World) -> Envelope:
    envelope = started(HOME)(world)
    world.client("ec2").deregister_image(ImageId=the_instance(world)["ImageId"])
    return envelope  # type: ignore[no-any-return]


CASE = Case(
    unsafe=(started(STRANGER), started(STRANGER, "aws-marketplace"), gone),
    near_misses=(started(HOME), started(FRIEND), started("801119661308", "amazon")),
    whole=the_instance,
    remove=forget,
)


def test_the_reason_names_the_owner(world: World) -> None:
    (outcome,) = world.deliver(started(STRANGER, "aws-marketplace")(world), ID)
    assert outcome.reason.endswith(f"from the unknown account {STRANGER} (aws-marketplace)")


def test_an_owner_in_the_settings_is_known(world: World) -> None:
    envelope = started(STRANGER, "aws-marketplace")(world)
    for baseline in (frozenset({STRANGER}), frozenset({"aws-marketplace"})):
        world.settings = Settings(allow=Allow(image_owners=baseline))
        (outcome,) = world.deliver(envelope, ID)
        assert outcome.status == "compliant"
