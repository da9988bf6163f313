from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chalicelib.core.baseline import Require
from chalicelib.core.settings import Settings
from tests.support.cases import Case
from tests.support.events import Envelope, cloudtrail_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "securityhub.hub_off"


def required(world: World) -> None:
    world.settings = Settings(require=Require(detection=frozenset({"securityhub"})))


def disabled_and_not_required(world: World) -> Envelope:
    """A tripwire tells of it; nothing says that it should be on."""
    world.client("securityhub").enable_security_hub()
    world.client("securityhub").disable_security_hub()
    return cloudtrail_event("securityhub", "DisableSecurityHub")


def disabled(world: World) -> Envelope:
    required(world)
    return disabled_and_not_required(world)


def enabled_again(world: World) -> Envelope:
    envelope = disabled(world)
    world.client("securityhub").enable_security_hub()
    return envelope


def whole(world: World) -> Any:
    try:
        found = world.client("securityhub").describe_hub()
    except ClientError as error:
        return error.response["Error"]["Code"]
    return {name: found[name] for name in ("HubArn", "AutoEnableControls")}


CASE = Case(unsafe=(disabled,), near_misses=(enabled_again, disabled_and_not_required), whole=whole)


def test_the_reason_names_the_setting(world: World) -> None:
    (outcome,) = world.deliver(disabled(world), ID)
    reason = "Security Hub is off in us-east-1, and require.detection names it"
    assert (outcome.status, outcome.reason) == ("fixed", reason)


def test_it_comes_with_the_default_standards(world: World) -> None:
    world.deliver(disabled(world), ID)
    assert world.records()[0].calls == ("securityhub:EnableSecurityHub",)
    assert whole(world)["AutoEnableControls"]
