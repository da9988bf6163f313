from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from chalicelib import catalog
from chalicelib.core.baseline import Baseline
from chalicelib.core.event import Event
from tests.support.events import FRIEND, HOME, REGION, STACK, Envelope, alice, cloudtrail_event
from tests.support.world import baseline_of

if TYPE_CHECKING:
    from tests.support.world import World

ID = "ssm.own_settings_changed"
IN_SSM = "ssm:/snapback/settings"
IN_APPCONFIG = "appconfig:abc1234/def5678/ghi9012"
PROFILE = f"arn:aws:appconfig:{REGION}:{HOME}:application/abc1234/configurationprofile/ghi9012"


@dataclass
class Asked:
    """What the tripwire answers where settings are published in one place."""

    published: str

    def about(self, envelope: Envelope, world: World) -> str | None:
        known = msgspec.structs.replace(world.settings, published=self.published)
        world.settings = msgspec.structs.replace(world.settings, **baseline_of(known))
        found = world.deliver(envelope, ID, "fix")
        return found[0].reason if found else None


def put(name: str = "PutParameter", asked: Any = None, **detail: Any) -> Envelope:
    return cloudtrail_event("ssm", name, {"name": "/snapback/settings"} if asked is None else asked, **detail)


def start(name: str = "StartDeployment", **asked: Any) -> Envelope:
    return cloudtrail_event("appconfig", name, asked or {"applicationId": "abc1234", "environmentId": "def5678"})


@pytest.mark.parametrize(
    ("published", "envelope"),
    [
        (IN_SSM, put()),
        (IN_SSM, put("DeleteParameter")),
        (IN_SSM, put("DeleteParameters", {"names": ["/a", "/snapback/settings"]})),
        (IN_SSM, put(asked={"name": f"arn:aws:ssm:{REGION}:{HOME}:parameter/snapback/settings"})),
        (
            IN_SSM,
            put("PutResourcePolicy", {"resourceArn": f"arn:aws:ssm:{REGION}:{HOME}:parameter/snapback/settings"}),
        ),
        (IN_APPCONFIG, start("CreateExtensionAssociation", resourceIdentifier=PROFILE)),
        (IN_APPCONFIG, start()),
        (IN_APPCONFIG, start("UpdateConfigurationProfile", ApplicationId="abc1234")),
        (IN_APPCONFIG, start("DeleteApplication")),
    ],
)
def test_a_change_of_the_settings_is_reported(published: str, envelope: Envelope, world: World) -> None:
    said = Asked(published).about(envelope, world)
    assert said == f"alice called {envelope['detail']['eventName']} on {published}"


@pytest.mark.parametrize(
    ("published", "envelope"),
    [
        ("", put()),
        (IN_SSM, put(asked={"name": "/snapback/slack"})),
        (IN_SSM, put(asked={"name": "/snapback/settings-2"})),
        (IN_SSM, put(asked={"name": 7, "names": [{"x": 1}]})),
        (IN_SSM, put(asked={})),
        (IN_SSM, put(errorCode="AccessDenied")),
        (IN_SSM, put(userIdentity={**alice(), "invokedBy": "cloudformation.amazonaws.com"})),
        (IN_SSM, cloudtrail_event("ssm", "PutParameter", {"name": "/snapback/settings"}, region="eu-west-1")),
        (IN_SSM, start()),
        (IN_APPCONFIG, start(applicationId="zzz9999")),
        (IN_APPCONFIG, put()),
    ],
)
def test_other_parameters_and_applications_and_deployments_are_not(
    published: str, envelope: Envelope, world: World
) -> None:
    assert Asked(published).about(envelope, world) is None


def test_another_account_s_parameter_of_the_same_name_is_not() -> None:
    rule: Any = catalog.rule(ID)
    event = Event.parse(cloudtrail_event("ssm", "PutParameter", {"name": "/snapback/settings"}, account=FRIEND))
    assert rule(event, Baseline(stack=STACK, published=IN_SSM)) is None
