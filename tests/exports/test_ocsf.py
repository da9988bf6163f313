from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.event import Actor
from chalicelib.core.settings import Exports
from chalicelib.core.types import Status
from chalicelib.exports.ocsf import finding
from tests.exports.stream import Lambda, item, life, step_of
from tests.notify.test_message import record_of
from tests.support.events import FRIEND, HOME, REGION
from tests.support.moto_gaps import deny

if TYPE_CHECKING:
    from chalicelib.wiring import Application
    from tests.support.world import World

LAKE = "example-security-lake"
REQUIRED: dict[str, set[str]] = {
    "": {
        "activity_id",
        "category_uid",
        "class_uid",
        "cloud",
        "finding_info",
        "metadata",
        "severity_id",
        "time",
        "type_uid",
    },
    "metadata": {"product", "version"},
    "metadata.product": {"vendor_name"},
    "finding_info": {"title", "uid"},
    "finding_info.analytic": {"type_id"},
    "cloud": {"provider"},
    "cloud.account": {"type_id"},
    "remediation": {"desc"},
    "evidences.0.api": {"operation"},
    "evidences.0.api.request": {"uid"},
}
"""What OCSF 1.1.0 requires of a Detection Finding with the profile `cloud`: https://schema.ocsf.io/1.1.0."""
ENUMS: dict[str, set[int]] = {
    "activity_id": {0, 1, 2, 3, 99},
    "category_uid": {2},
    "class_uid": {2004},
    "severity_id": {0, 1, 2, 3, 4, 5, 6, 99},
    "status_id": {0, 1, 2, 3, 4, 99},
    "finding_info.analytic.type_id": {0, 1, 2, 3, 4, 99},
    "cloud.account.type_id": {*range(11), 99},
}


@pytest.fixture
def app(world: World) -> Application:
    world.client("s3").create_bucket(Bucket=LAKE)
    return world.application(exports=Exports(ocsf=f"arn:aws:s3:::{LAKE}"))


def at(value: Any, path: str) -> Any:
    for part in path.split(".") if path else ():
        value = value[int(part)] if part.isdecimal() else value[part]
    return value


def objects(world: World) -> dict[str, Any]:
    s3 = world.client("s3")
    found = {}
    for each in s3.list_objects_v2(Bucket=LAKE).get("Contents", []):
        body = gzip.decompress(s3.get_object(Bucket=LAKE, Key=each["Key"])["Body"].read())
        assert body.endswith(b"\n")
        found[each["Key"]] = json.loads(body)
    return found


@pytest.mark.parametrize(
    ("statuses", "by", "activity", "status"),
    [
        ([Status.ALERTED], "snapback", 1, 1),
        ([Status.ASKING], "snapback", 1, 2),
        ([Status.FIXING], "snapback", 1, 2),
        ([Status.FIXING, Status.FIXED], "snapback", 3, 4),
        ([Status.FIXING, Status.FAILED], "snapback", 2, 1),
        ([Status.FIXING, Status.FIXED, Status.UNDOING, Status.UNDONE], "bob", 3, 3),
        ([Status.ASKING, Status.EXPIRED], "bob", 3, 3),
        ([Status.ASKING, Status.EXPIRED], "snapback", 2, 2),
        ([Status.ASKING, Status.GONE], "snapback", 3, 4),
    ],
)
def test_each_step_is_a_detection_finding_as_ocsf_1_1_0_wants_it(
    statuses: list[Status], by: str, activity: int, status: int
) -> None:
    found = finding(step_of(record_of(*statuses, by=by, why="exempt" if by == "bob" else "unanswered")))
    for path, names in REQUIRED.items():
        assert names <= at(found, path).keys(), path
    for path, values in ENUMS.items():
        assert at(found, path) in values, path
    assert (found["activity_id"], found["status_id"]) == (activity, status)
    assert found["type_uid"] == found["class_uid"] * 100 + found["activity_id"]
    assert found["metadata"]["version"] == "1.1.0"
    assert isinstance(found["time"], int)


def test_all_have_one_shape_but_for_where_the_change_came_from() -> None:
    shapes = {
        json.dumps(_shape(finding(step_of(record_of(*statuses)))))
        for statuses in ([Status.ALERTED], [Status.ASKING, Status.GONE], [Status.FIXING, Status.FIXED])
    }
    assert len(shapes) == 1


def _shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _shape(inner) for key, inner in value.items()}
    return type(value).__name__


def test_a_service_that_made_the_change_is_no_address() -> None:
    actor = Actor(
        kind="AWSService",
        principal="cloudformation.amazonaws.com",
        account=HOME,
        source_ip="cloudformation.amazonaws.com",
    )
    found = finding(step_of(record_of(Status.ALERTED, actor=actor)))
    assert found["evidences"][0]["src_endpoint"] == {"svc_name": "cloudformation.amazonaws.com"}
    assert finding(step_of(record_of(Status.ALERTED)))["evidences"][0]["src_endpoint"] == {"ip": "198.51.100.7"}


def test_objects_lie_as_security_lake_lays_out_a_custom_source(app: Application, world: World) -> None:
    record = record_of(Status.ASKING, Status.FIXED, account=FRIEND)
    assert Lambda(app, life(record)).once() == []
    folder = f"ext/snapback/region={REGION}/accountId={FRIEND}/eventDay=20261123"
    assert [*objects(world)] == [f"{folder}/{record.id}-1.json.gz", f"{folder}/{record.id}-2.json.gz"]


def test_a_prefix_in_the_settings_is_the_source_s_own(app: Application, world: World) -> None:
    application = world.application(exports=Exports(ocsf=f"arn:aws:s3:::{LAKE}/ext/snapback-2/1.0/"))
    Lambda(application, life(record_of(Status.ALERTED))).once()
    assert [key.partition("/region")[0] for key in objects(world)] == ["ext/snapback-2/1.0"]


def test_duplicates_and_late_steps_are_put_in_their_own_place(app: Application, world: World) -> None:
    items = life(record_of(Status.ASKING, Status.FIXING, Status.FIXED))
    Lambda(app, items).once()
    first = objects(world)
    for batch in (items, items[::-1], items[:1]):
        assert Lambda(app, batch).once() == []
    assert objects(world) == first
    assert len(first) == 3


@pytest.mark.parametrize("code", ["SlowDown", "NoSuchBucket", "AccessDenied"])
def test_what_the_bucket_does_not_take_fails_and_comes_again(code: str, app: Application, world: World) -> None:
    items = [item(number, record_of(Status.ALERTED, id=f"{number:016x}")) for number in (1, 2)]
    lambda_ = Lambda(app, items)
    with deny("PutObject", code=code):
        assert len(lambda_.once()) == 2
    assert lambda_.once() == []
    assert len(objects(world)) == 2


def test_no_secret_goes_to_the_bucket() -> None:
    before = {"Environment": {"DB_PASSWORD": "correct horse battery staple"}}
    record = record_of(Status.FIXING, Status.FAILED, before=before, after={}, error="password='correct horse'")
    assert "horse" not in json.dumps(finding(step_of(record)))
