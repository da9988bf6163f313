from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from botocore.exceptions import ClientError

from chalicelib import canary, catalog
from chalicelib.core.pattern import matches
from chalicelib.core.settings import Exports
from chalicelib.core.types import REFUSED, Status
from chalicelib.exports.bus import Bus, detail
from tests.exports.stream import Lambda, item, life, step_of
from tests.notify.test_message import NOW, record_of
from tests.support.events import HOME
from tests.support.moto_gaps import default_bus, deny, security_hub

if TYPE_CHECKING:
    from chalicelib.wiring import Application
    from tests.support.world import World

SCHEMA: Any = json.loads((Path(__file__).parents[2] / "docs" / "finding-event.schema.json").read_text())
ANYTHING: Any = {"source": ["snapback"]}
SECRET = "correct horse battery staple"


@pytest.fixture
def app(world: World) -> Application:
    return world.application(exports=Exports(bus="default"))


@dataclass
class Client:
    """PutEvents that refuses the entries of some records, once each."""

    refuses: list[str]
    put: list[str] = field(default_factory=list)

    def put_events(self, Entries: list[Any]) -> Any:  # noqa: N803 - AWS's name
        assert 0 < len(Entries) <= 10
        answers: list[Any] = []
        for each in Entries:
            name = json.loads(each["Detail"])["id"]
            if name in self.refuses:
                self.refuses.remove(name)
                answers.append({"ErrorCode": "ThrottlingException", "ErrorMessage": "slower"})
            else:
                self.put.append(name)
                answers.append({"EventId": "1"})
        return {"FailedEntryCount": 0, "Entries": answers}


def test_each_step_is_an_event_as_the_schema_says(app: Application) -> None:
    with default_bus((ANYTHING, lambda _: None)) as events:
        record = record_of(
            Status.ASKING, Status.FIXING, Status.FIXED, by="bob", tags={"owner": "web"}, calls=("s3:PutBucketAcl",)
        )
        assert Lambda(app, life(record)).once() == []
    assert [event["detail"]["status"] for event in events] == ["asking", "fixing", "fixed"]
    assert [event["detail"]["id"] for event in events] == [f"{record.id}-{step}" for step in (1, 2, 3)]
    for event in events:
        assert (event["source"], event["detail-type"]) == ("snapback", "Snapback Finding")
        jsonschema.Draft202012Validator(SCHEMA).validate(event["detail"])


def test_the_schema_names_each_field_and_takes_no_other() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    told = detail(step_of(record_of(Status.ALERTED)))
    assert SCHEMA["properties"].keys() == told.keys() == {*SCHEMA["required"]}
    assert SCHEMA["properties"]["status"]["enum"] == [*Status]


def test_what_changed_nothing_is_no_event(app: Application) -> None:
    asking = record_of(Status.ASKING)
    refused = asking.noted(NOW, "eve", "not an approver", REFUSED)
    with default_bus() as events:
        assert Lambda(app, [item(1, refused, asking), item(2, asking, asking), item(3, None, asking)]).once() == []
    assert events == []


def test_our_own_events_call_none_of_our_functions(app: Application) -> None:
    with default_bus((ANYTHING, lambda _: None)) as events:
        Lambda(app, life(record_of(Status.ALERTED))).once()
    (event,) = events
    patterns = [catalog.pattern(service) for service in catalog.services()]
    assert not [pattern for pattern in (*patterns, canary.PATTERN) if matches(pattern, event)]


def test_a_bus_of_another_account_and_region_is_spoken_to_there(world: World) -> None:
    arn = "arn:aws:events:eu-west-1:210987654321:event-bus/findings"
    (bus,) = world.application(exports=Exports(bus=arn)).sinks
    assert isinstance(bus, Bus)
    assert bus._client.meta.region_name == "eu-west-1"


def test_no_link_and_no_secret_is_put_on_a_bus() -> None:
    before = {"Environment": {"DB_PASSWORD": SECRET}}
    tags = {"token": "password=correct-horse", "owner": "web\u202e"}
    record = record_of(Status.FIXING, Status.FAILED, before=before, after={}, error=f"password='{SECRET}'", tags=tags)
    told = detail(step_of(record))
    assert "horse" not in json.dumps(told)
    assert "links" not in told
    assert told["tags"]["owner"].isprintable()


def test_events_come_once_when_some_are_refused(app: Application) -> None:
    names = [f"{number:016x}" for number in range(25)]
    client = Client(refuses=[f"{names[3]}-1", f"{names[12]}-1"])
    app.sinks = [Bus(client, "default")]
    lambda_ = Lambda(app, [item(number, record_of(Status.ALERTED, id=name)) for number, name in enumerate(names, 1)])
    for _ in range(3):
        lambda_.once()
    assert sorted(client.put) == [f"{name}-1" for name in names]
    assert lambda_.items == []


def test_another_sink_s_trouble_does_not_put_an_event_twice(app: Application, world: World) -> None:
    application = world.application(exports=Exports(bus="default", security_hub=True))
    world.client("securityhub").enable_security_hub()
    lambda_ = Lambda(application, life(record_of(Status.ALERTED)))
    with security_hub(HOME) as findings, default_bus() as events:
        with deny("BatchImportFindings", code="ThrottlingException"):
            for _ in range(3):
                assert len(lambda_.once()) == 1
        assert lambda_.once() == []
        assert (len(events), len(findings)) == (1, 1)


def test_a_bus_that_is_down_holds_up_no_other_sink(world: World) -> None:
    application = world.application(exports=Exports(bus="default", security_hub=True))
    world.client("securityhub").enable_security_hub()
    lambda_ = Lambda(application, life(record_of(Status.ALERTED)))
    with security_hub(HOME) as findings, deny("PutEvents", code="InternalException"):
        assert len(lambda_.once()) == 1
        assert len(findings) == 1


def test_a_throttled_call_is_an_error_of_boto3_that_says_no_more_than_its_code(app: Application) -> None:
    class Loud:
        name = "loud"

        def send(self, steps: Any) -> Any:
            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": SECRET}}, "PutEvents")

    said: list[Any] = []
    app.logger = SimpleNamespace(error=lambda text, extra: said.append((text, extra)))  # type: ignore[assignment]
    app.sinks = [Loud()]
    assert len(Lambda(app, life(record_of(Status.ALERTED))).once()) == 1
    assert said
    assert "horse" not in json.dumps(said)
