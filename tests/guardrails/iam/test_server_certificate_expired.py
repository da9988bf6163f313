from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib.aws.sessions import AwsSessions
from chalicelib.catalog import rule
from chalicelib.core.event import Event
from chalicelib.resources.iam.server_certificates import ServerCertificate
from tests.support.cases import Case
from tests.support.events import HOME, REGION, Envelope, scheduled_event
from tests.support.moto_gaps import certificate_expires
from tests.support.world import KNOWN, World

ID = "iam.server_certificate_expired"


def of(*days: int) -> Any:
    """Certificates that expire in so many days."""

    def made(world: World) -> Envelope:
        for number, each in enumerate(days):
            world.client("iam").upload_server_certificate(
                ServerCertificateName=f"www-{number}", CertificateBody="body", PrivateKey="key"
            )
            certificate_expires(f"www-{number}", world.clock + timedelta(days=each))
        return scheduled_event()

    return made


def whole(world: World) -> Any:
    return world.client("iam").list_server_certificates()["ServerCertificateMetadataList"]


CASE = Case(unsafe=(of(-1), of(-400)), near_misses=(of(1), of(1, 400), of()), whole=whole)


def test_one_list_does_for_all_certificates(world: World) -> None:
    of(-1, 1, -2)(world)
    reader = world.application().sessions.reader(HOME, REGION)
    found = [rule(ID)(each, reader) for each in ServerCertificate.all_in(reader)]  # type: ignore[operator]
    assert [bool(each) for each in found] == [True, False, True]
    assert [call.operation for call in world.calls] == ["ListServerCertificates"]


def test_the_reason_tells_the_day(world: World) -> None:
    of(-1)(world)
    certificate_expires("www-0", datetime(2026, 1, 31, 12, tzinfo=UTC))
    (outcome,) = world.deliver(scheduled_event(), ID)
    assert outcome.reason == "it expired on 2026-01-31"
    assert outcome.resource == f"arn:aws:iam::{HOME}:server-certificate/www-0"


def test_no_event_names_one_and_other_regions_list_none(world: World) -> None:
    of(-1)(world)
    assert not list(ServerCertificate.in_event(Event.parse(scheduled_event())))
    assert not list(ServerCertificate.all_in(AwsSessions(HOME, KNOWN).reader(HOME, "eu-west-1")))


def test_tags_are_the_certificates_own() -> None:
    class Pages:
        def get_paginator(self, _: str) -> Any:
            return self

        def paginate(self, **asked: str) -> Any:
            assert asked == {"ServerCertificateName": "www"}
            return [{"Tags": [{"Key": "team", "Value": "web"}]}, {"Tags": []}]

    session: Any = type("Session", (), {"client": lambda self, service: Pages()})()
    assert ServerCertificate("www", HOME, REGION).tags(session) == {"team": "web"}
