from __future__ import annotations

from typing import Any

import pytest

from chalicelib.aws.sessions import AwsSessions
from chalicelib.core.baseline import Allow
from chalicelib.core.event import Event
from chalicelib.core.settings import Settings
from chalicelib.resources.rolesanywhere import TrustAnchor
from tests.support.cases import Case
from tests.support.events import HOME, REGION, Envelope, cloudtrail_event
from tests.support.world import KNOWN, World

ID = "rolesanywhere.trust_anchor_enabled"
SOURCE = {"sourceType": "CERTIFICATE_BUNDLE", "sourceData": {"x509CertificateData": "-----BEGIN CERTIFICATE-----"}}


def anchor(world: World, *, enabled: bool = True) -> dict[str, Any]:
    made: dict[str, Any] = world.client("rolesanywhere").create_trust_anchor(
        name="evil-ca", source=SOURCE, enabled=enabled, tags=[{"key": "team", "value": "web"}]
    )["trustAnchor"]
    return made


def created(*known: str, enabled: bool = True) -> Any:
    def made(world: World) -> Envelope:
        world.settings = Settings(allow=Allow(principals=known))
        answer = {"trustAnchor": anchor(world, enabled=enabled)}
        return cloudtrail_event("rolesanywhere", "CreateTrustAnchor", {"name": "evil-ca", "source": SOURCE}, answer)

    return made


def enabled(by: str) -> Any:
    """Named in the request only, by its id or ARN."""

    def made(world: World) -> Envelope:
        made = anchor(world, enabled=False)
        world.client("rolesanywhere").enable_trust_anchor(trustAnchorId=made["trustAnchorId"])
        return cloudtrail_event("rolesanywhere", "EnableTrustAnchor", {"trustAnchorId": made[by]})

    return made


def updated(world: World) -> Envelope:
    made = anchor(world)
    world.client("rolesanywhere").update_trust_anchor(trustAnchorId=made["trustAnchorId"], name="other")
    return cloudtrail_event("rolesanywhere", "UpdateTrustAnchor", {"trustAnchorId": made["trustAnchorId"]})


def whole(world: World) -> Any:
    return world.client("rolesanywhere").list_trust_anchors()["trustAnchors"]


def remove(world: World) -> None:
    for each in whole(world):
        world.client("rolesanywhere").delete_trust_anchor(trustAnchorId=each["trustAnchorId"])


def disturb(world: World) -> None:
    for each in whole(world):
        world.client("rolesanywhere").update_trust_anchor(trustAnchorId=each["trustAnchorId"], name="renamed")


CASE = Case(
    unsafe=(
        created(),
        created(f"arn:aws:rolesanywhere:{REGION}:999988887777:*"),
        enabled("trustAnchorId"),
        enabled("trustAnchorArn"),
        updated,
    ),
    near_misses=(created(enabled=False), created(f"arn:aws:rolesanywhere:*:{HOME}:trust-anchor/*")),
    whole=whole,
    remove=remove,
    disturb=disturb,
)


def test_the_reason_names_the_anchor_and_its_source(world: World) -> None:
    (outcome,) = world.deliver(created()(world), ID)
    assert outcome.reason == "the unknown trust anchor evil-ca (CERTIFICATE_BUNDLE) is enabled"
    assert outcome.resource == whole(world)[0]["trustAnchorArn"]


def test_the_other_anchors_stay_enabled(world: World) -> None:
    other = anchor(world)["trustAnchorId"]
    world.deliver(created()(world), ID)
    assert {each["trustAnchorId"] for each in whole(world) if each["enabled"]} == {other}


@pytest.mark.parametrize(
    ("parameters", "answer"),
    [
        (None, None),
        ({"trustAnchorId": 7}, {"trustAnchor": []}),
        ({"trustAnchorId": "../../profiles"}, None),
        ({"trustAnchorId": f"arn:aws:rolesanywhere:{REGION}:{HOME}:trust-anchor-alias/prod"}, None),
        ({"profileId": "11111111-2222-4333-8444-555555555555"}, None),
    ],
)
def test_an_event_that_names_no_anchor_finds_none(parameters: Any, answer: Any) -> None:
    event = Event.parse(cloudtrail_event("rolesanywhere", "EnableTrustAnchor", parameters, answer))
    assert not list(TrustAnchor.in_event(event))


def test_an_alias_in_the_request_is_no_obstacle_when_the_answer_names_it(world: World) -> None:
    made = anchor(world)
    alias = f"arn:aws:rolesanywhere:{REGION}:{HOME}:trust-anchor-alias/prod"
    envelope = cloudtrail_event("rolesanywhere", "EnableTrustAnchor", {"trustAnchorId": alias}, {"trustAnchor": made})
    assert [each.id for each in TrustAnchor.in_event(Event.parse(envelope))] == [made["trustAnchorId"]]


def test_the_sweep_meets_every_anchor_and_its_tags(world: World) -> None:
    made = anchor(world)
    reader = AwsSessions(HOME, KNOWN).reader(HOME, REGION)
    (found,) = TrustAnchor.all_in(reader)
    assert (found.id, found.arn) == (made["trustAnchorId"], made["trustAnchorArn"])
    assert found.tags(reader) == {"team": "web"}
