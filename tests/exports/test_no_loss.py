"""Over all that may fail and come again: every step arrives everywhere, and what is there in the end is the truth."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import chain, zip_longest
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib import catalog
from chalicelib.core.settings import Exports
from chalicelib.core.types import Status
from chalicelib.exports.bus import Bus
from chalicelib.exports.deliver import deliver
from chalicelib.exports.ocsf import Bucket
from chalicelib.exports.security_hub import SecurityHub
from tests.exports.stream import Lambda, life
from tests.guardrails.s3 import test_bucket_acl_made_public as acl
from tests.notify.test_message import record_of
from tests.support.events import HOME, REGION
from tests.support.moto_gaps import HubModel, default_bus, security_hub

if TYPE_CHECKING:
    from chalicelib.wiring import Application
    from tests.support.world import World

LIVES = (
    (Status.ALERTED,),
    (Status.FIXING, Status.FIXED),
    (Status.ASKING, Status.FIXING, Status.FIXED, Status.UNDOING, Status.UNDONE),
    (Status.ASKING, Status.ASKING, Status.GONE),
    (Status.FIXING, Status.FAILED, Status.FIXING, Status.FIXED),
)
ENDS = {"alerted": "NEW", "fixed": "RESOLVED", "undone": "SUPPRESSED", "gone": "RESOLVED"}


@dataclass
class Shaky:
    """All three of AWS, each call of which may fail whole or in part, as the draws say; then all is well."""

    draws: list[int]
    hub: HubModel = field(default_factory=lambda: HubModel(HOME, {}))
    events: list[str] = field(default_factory=list)
    objects: dict[str, bytes] = field(default_factory=dict)

    def _draw(self) -> int:
        return self.draws.pop() if self.draws else 0

    def _whole(self) -> bool:
        if (draw := self._draw()) == 1:
            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": ""}}, "x")
        return draw == 2

    def batch_import_findings(self, Findings: list[Any]) -> Any:  # noqa: N803 - AWS's own names, here and below
        self.hub.refuses = {Findings[0]["Id"]: "InternalFailure"} if self._whole() else {}
        return self.hub.imported(Findings)

    def batch_update_findings(self, FindingIdentifiers: list[Any], Workflow: Any) -> Any:  # noqa: N803
        self.hub.refuses = {FindingIdentifiers[-1]["Id"]: "ConcurrentUpdateError"} if self._whole() else {}
        return self.hub.updated(FindingIdentifiers, Workflow)

    def put_events(self, Entries: list[Any]) -> Any:  # noqa: N803
        refused = {0, len(Entries) // 2} if self._whole() else set()
        self.events += [
            json.loads(each["Detail"])["id"] for number, each in enumerate(Entries) if number not in refused
        ]
        return {"Entries": [{"ErrorCode": "x"} if number in refused else {} for number in range(len(Entries))]}

    def put_object(self, Key: str, Body: bytes, **_: Any) -> None:  # noqa: N803
        if self._draw() == 1:
            raise ClientError({"Error": {"Code": "SlowDown", "Message": ""}}, "PutObject")
        self.objects[Key] = Body


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.sampled_from(LIVES), min_size=1, max_size=6),
    st.lists(st.sampled_from([0, 0, 1, 2]), max_size=25),
    st.integers(min_value=1, max_value=7),
)
def test_each_step_arrives_everywhere_and_once_on_the_bus(
    app: Application, lives: list[tuple[Status, ...]], draws: list[int], size: int
) -> None:
    shaky = Shaky(draws)
    app.sinks = [
        SecurityHub(shaky, HOME, REGION),
        Bucket(shaky, "arn:aws:s3:::lake", REGION),
        Bus(shaky, "default"),
    ]
    records = [record_of(*statuses, id=f"{number:016x}", by="bob") for number, statuses in enumerate(lives)]
    turns = chain.from_iterable(zip_longest(*map(life, records)))
    items = [each for each in turns if each]
    for number, each in enumerate(items, 1):
        each["dynamodb"]["SequenceNumber"] = str(number)
    for start in range(0, len(items), size):
        lambda_ = Lambda(app, items[start : start + size])
        for _ in range(60):
            lambda_.once()
            if not lambda_.items:
                break
        assert not lambda_.items
    wanted = {f"{record.id}-{step}" for record in records for step in range(1, len(record.history) + 1)}
    assert sorted(shaky.events) == sorted(wanted)
    assert {key.rpartition("/")[2].removesuffix(".json.gz") for key in shaky.objects} == wanted
    for record in records:
        finding = shaky.hub.findings[f"snapback/{record.id}"]
        assert finding["Workflow"]["Status"] == ENDS[record.status]
        assert finding["ProductFields"]["snapback/status"] == record.status


@pytest.fixture
def app(world: World) -> Application:
    return world.application()


def test_an_event_s_whole_way_ends_in_a_resolved_finding(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCOUNT_ID_ENDPOINT_MODE", "disabled")  # moto doesn't know an account's own endpoint.
    world.client("securityhub").enable_security_hub()
    (outcome,) = world.deliver(acl.canned("public-read")(world), acl.ID)
    streams: Any = world.aws.client("dynamodbstreams")
    arn = streams.list_streams()["Streams"][0]["StreamArn"]
    (shard,) = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    start = streams.get_shard_iterator(StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")
    items = json.loads(json.dumps(streams.get_records(ShardIterator=start["ShardIterator"])["Records"], default=str))
    application = world.application(exports=Exports(security_hub=True, bus="default"))
    with security_hub(HOME) as findings, default_bus() as events:
        assert deliver(application, {"Records": items}, None, catalog.rule) == {"batchItemFailures": []}
    assert [event["detail"]["status"] for event in events] == ["fixing", "fixed"]
    assert events[-1]["detail"]["calls"] == ["s3:PutBucketAcl"]
    finding = findings[f"snapback/{outcome.record}"]
    assert (finding["Workflow"], finding["RecordState"]) == ({"Status": "RESOLVED"}, "ACTIVE")
