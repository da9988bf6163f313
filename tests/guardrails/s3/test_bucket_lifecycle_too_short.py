from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.rule import FixContext
from chalicelib.fixes.s3.keep_bucket_objects import KeepBucketObjects
from tests.support.cases import Case
from tests.support.events import Envelope, cloudtrail_event
from tests.support.world import KNOWN, World, tag_bucket

if TYPE_CHECKING:
    from collections.abc import Callable

ID = "s3.bucket_lifecycle_too_short"
NAME = "vault-papers"
NUKE: dict[str, Any] = {"ID": "nuke", "Status": "Enabled", "Filter": {"Prefix": "*"}, "Expiration": {"Days": 1}}
MOVE: dict[str, Any] = {
    "ID": "move",
    "Status": "Enabled",
    "Filter": {"And": {"Prefix": "old/", "Tags": [{"Key": "kind", "Value": "log"}]}},
    "Transitions": [{"Days": 30, "StorageClass": "GLACIER"}],
    "NoncurrentVersionExpiration": {"NoncurrentDays": 3},
    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
}
ON_A_DAY = {**NUKE, "ID": "day", "Expiration": {"Date": "2027-01-01T00:00:00+00:00"}}
OLD_STYLE = {"ID": "old", "Status": "Enabled", "Prefix": "logs/", "Expiration": {"Days": 30}}


def put(*rules: dict[str, Any], name: str = NAME) -> Callable[[World], Envelope]:
    def made(world: World) -> Envelope:
        s3 = world.client("s3")
        s3.create_bucket(Bucket=name)
        if rules:
            s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": list(rules)})
        configuration = {"xmlns": "http://s3.amazonaws.com/doc/2006-03-01/", "Rule": rules[0] if rules else ""}
        parameters = {"lifecycle": "", "bucketName": name, "LifecycleConfiguration": configuration}
        return cloudtrail_event("s3", "PutBucketLifecycle", parameters)

    return made


def lifecycle(world: World) -> Any:
    try:
        return world.client("s3").get_bucket_lifecycle_configuration(Bucket=NAME)["Rules"]
    except ClientError:
        return None


def whole(world: World) -> Any:
    return lifecycle(world), world.client("s3").get_bucket_acl(Bucket=NAME)["Grants"]


CASE = Case(
    unsafe=(
        put(NUKE),
        put(MOVE, NUKE, OLD_STYLE),
        put({**MOVE, "Expiration": {"Days": 364}}),
        put(ON_A_DAY),
        put({**MOVE, "Expiration": ON_A_DAY["Expiration"]}, {**NUKE, "Expiration": {"Days": 365}}),
    ),
    near_misses=(
        put(MOVE, {**NUKE, "Expiration": {"Days": 365}}),
        put({**NUKE, "Status": "Disabled"}),
        put({**NUKE, "Expiration": {"ExpiredObjectDeleteMarker": True}}),
        put(),
    ),
    whole=whole,
    remove=lambda world: world.client("s3").delete_bucket(Bucket=NAME),
    disturb=lambda world: tag_bucket(world, NAME),
)


def test_just_the_days_of_just_the_short_rules_change(world: World) -> None:
    (outcome,) = world.deliver(put(MOVE, NUKE, OLD_STYLE)(world), ID)
    assert outcome.reason == (
        "its lifecycle rule nuke deletes objects after 1 days; its lifecycle rule old deletes objects after 30 days;"
        " they must be kept for 365 days"
    )
    assert lifecycle(world) == [MOVE, {**NUKE, "Expiration": {"Days": 365}}, {**OLD_STYLE, "Expiration": {"Days": 365}}]


def test_a_date_goes_and_the_rest_of_its_rule_stays(world: World) -> None:
    (outcome,) = world.deliver(put(ON_A_DAY, {**MOVE, "Expiration": ON_A_DAY["Expiration"]})(world), ID)
    assert outcome.reason.startswith("its lifecycle rule day deletes objects on 2027-01-01; ")
    assert lifecycle(world) == [MOVE]


def test_with_the_last_rule_the_configuration_goes_and_comes_back(world: World) -> None:
    (outcome,) = world.deliver(put(ON_A_DAY)(world), ID)
    assert lifecycle(world) is None
    world.application("fix", ID).engine.undo(outcome.record, "bob")
    assert lifecycle(world) == [{**ON_A_DAY, "Expiration": {"Date": datetime(2027, 1, 1, tzinfo=UTC)}}]


def test_a_bucket_that_the_settings_dont_name_costs_nothing(world: World) -> None:
    (outcome,) = world.deliver(put(NUKE, name="app-pictures")(world), ID)
    assert outcome.status == "compliant"
    assert not world.calls


@pytest.mark.parametrize("smallest", ["varies_by_storage_class", "all_storage_classes_128K", None])
def test_the_size_from_which_objects_are_moved_is_written_too(smallest: str | None) -> None:
    """moto forgets it: https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketLifecycleConfiguration.html."""
    written: list[dict[str, Any]] = []

    class Client:
        def put_bucket_lifecycle_configuration(self, **call: Any) -> None:
            written.append(call)

    class Hand:
        def client(self, _: str) -> Any:
            return Client()

    class Pointer:
        id, account = NAME, "123456789012"

    state = {"bucket": NAME, "rules": [MOVE], "smallest": smallest}
    KeepBucketObjects().write(Pointer(), state, Hand())  # type: ignore[arg-type]
    assert written[0].get("TransitionDefaultMinimumObjectSize") == smallest


expirations = st.one_of(
    st.fixed_dictionaries({"Days": st.integers(1, 800)}),
    st.just({"Date": "2027-01-01T00:00:00+00:00"}),
    st.just({"ExpiredObjectDeleteMarker": True}),
)
rules = st.builds(
    lambda base, status, expiration: {**base, "Status": status, **({"Expiration": expiration} if expiration else {})},
    st.sampled_from([MOVE, {"ID": "a", "Filter": {}}, {"Prefix": ""}]),
    st.sampled_from(["Enabled", "Disabled"]),
    st.none() | expirations,
)


@given(st.lists(rules, max_size=6))
def test_what_keeps_long_enough_stays_as_it_is_and_the_rest_is_only_lengthened(made: list[dict[str, Any]]) -> None:
    fix, state = KeepBucketObjects(), {"bucket": NAME, "rules": made or None, "smallest": None}
    after = fix.safe(state, FixContext(KNOWN))
    assert fix.safe(after, FixContext(KNOWN)) == after
    left = list(after["rules"] or ())
    for rule in made:
        expiration = rule.get("Expiration", {})
        short = rule["Status"] == "Enabled" and ("Date" in expiration or expiration.get("Days", 365) < 365)
        if not short:
            assert left.pop(0) == rule
        elif "Days" in expiration:
            assert left.pop(0) == {**rule, "Expiration": {"Days": 365}}
        elif "Transitions" in rule:
            assert left.pop(0) == {key: value for key, value in rule.items() if key != "Expiration"}
    assert not left
