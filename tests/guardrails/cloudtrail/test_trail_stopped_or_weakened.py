from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.core.baseline import Baseline, Require, RequiredTrail
from chalicelib.core.event import Event
from chalicelib.core.rule import FixContext
from chalicelib.core.settings import Settings
from chalicelib.fixes.cloudtrail.keep_trail_logging import KeepTrailLogging
from chalicelib.resources.cloudtrail import Trail
from tests.support.cases import Case
from tests.support.events import FRIEND, HOME, STRANGER, Envelope, cloudtrail_event
from tests.support.world import World

Make = Callable[[World], Envelope]

ID = "cloudtrail.trail_stopped_or_weakened"
ARN = f"arn:aws:cloudtrail:us-east-1:{HOME}:trail/audit"
KEY = f"arn:aws:kms:us-east-1:{HOME}:key/11111111-2222-4333-8444-555555555555"
DATA = [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3"]}]
MANAGEMENT = {"Field": "eventCategory", "Equals": ["Management"]}
OBJECTS = {
    "Name": "Objects",
    "FieldSelectors": [
        {"Field": "eventCategory", "Equals": ["Data"]},
        {"Field": "resources.type", "Equals": ["AWS::S3::Object"]},
    ],
}


def trail(world: World, **options: Any) -> Any:
    for bucket in ("audit-archive", "elsewhere"):
        world.client("s3").create_bucket(Bucket=bucket)
    client = world.client("cloudtrail")
    whole = {"IsMultiRegionTrail": True, "EnableLogFileValidation": True, "S3KeyPrefix": "trail"}
    tags = [{"Key": "owner", "Value": "security"}]
    client.create_trail(Name="audit", S3BucketName="audit-archive", TagsList=tags, **(whole | options))
    client.start_logging(Name="audit")
    return client


def baseline(world: World, **options: Any) -> None:
    audit = RequiredTrail(**({"bucket": "audit-archive", "prefix": "trail"} | options))
    world.settings = Settings(require=Require(trails={"audit": audit}))


def stopped(world: World) -> Envelope:
    trail(world).stop_logging(Name="audit")
    return cloudtrail_event("cloudtrail", "StopLogging", {"name": ARN})


def updated(**options: Any) -> Make:
    def made(world: World) -> Envelope:
        trail(world).update_trail(Name="audit", **options)
        return cloudtrail_event("cloudtrail", "UpdateTrail", {"name": "audit"}, {"name": "audit", "trailARN": ARN})

    return made


def basic(*selectors: dict[str, Any]) -> Make:
    def made(world: World) -> Envelope:
        trail(world).put_event_selectors(TrailName="audit", EventSelectors=list(selectors))
        return cloudtrail_event("cloudtrail", "PutEventSelectors", {"trailName": "audit"}, {"trailARN": ARN})

    return made


def selector(**options: Any) -> dict[str, Any]:
    all_of_it = {"ReadWriteType": "All", "IncludeManagementEvents": True}
    return {**all_of_it, "DataResources": [], "ExcludeManagementEventSources": [], **options}


def advanced(*selectors: dict[str, Any]) -> Make:
    def made(world: World) -> Envelope:
        trail(world).put_event_selectors(TrailName="audit", AdvancedEventSelectors=list(selectors))
        return cloudtrail_event("cloudtrail", "PutEventSelectors", {"trailName": ARN})

    return made


def management(*fields: dict[str, Any]) -> dict[str, Any]:
    return {"Name": "Management", "FieldSelectors": [MANAGEMENT, *fields]}


def deleted(**options: Any) -> Make:
    def made(world: World) -> Envelope:
        trail(world).delete_trail(Name="audit")
        if options:
            baseline(world, **options)
        return cloudtrail_event("cloudtrail", "DeleteTrail", {"name": "audit"})

    return made


def begun(**options: Any) -> Make:
    """A trail that was made anew begins to log: CreateTrail's own record comes while it doesn't yet."""

    def made(world: World) -> Envelope:
        trail(world, **options)
        return cloudtrail_event("cloudtrail", "StartLogging", {"name": "audit"})

    return made


def redirected(world: World) -> Envelope:
    baseline(world)
    return updated(S3BucketName="elsewhere", S3KeyPrefix="x")(world)


def encrypted_otherwise(world: World) -> Envelope:
    baseline(world, kms_key=KEY)
    return updated(KmsKeyId=KEY.replace(HOME, STRANGER))(world)


def narrowed_to_the_account(world: World) -> Envelope:
    baseline(world, organization=True)
    return updated()(world)


def as_known(world: World) -> Envelope:
    baseline(world, kms_key=KEY.rpartition("/")[2])
    return updated(KmsKeyId=KEY)(world)


def whole(world: World) -> Any:
    client = world.client("cloudtrail")
    try:
        settings = client.get_trail(Name="audit")["Trail"]
    except ClientError:
        return None
    selectors = client.get_event_selectors(TrailName="audit")
    return (
        {key: value for key, value in settings.items() if value not in (None, "")},
        client.get_trail_status(Name="audit")["IsLogging"],
        [selectors.get(kind) or [] for kind in ("EventSelectors", "AdvancedEventSelectors")],
        client.list_tags(ResourceIdList=[ARN])["ResourceTagList"],
    )


READS, WRITES = ({"Field": "readOnly", "Equals": [value]} for value in ("true", "false"))

CASE = Case(
    unsafe=(
        stopped,
        deleted(bucket="audit-archive", prefix="trail", kms_key=KEY, organization=True),
        updated(IsMultiRegionTrail=False, IncludeGlobalServiceEvents=False),
        redirected,
        basic(selector(IncludeManagementEvents=False, DataResources=DATA)),
        advanced(management(WRITES), OBJECTS),
        begun(IsMultiRegionTrail=False),
    ),
    near_misses=(
        updated(),
        begun(),
        as_known,
        basic(selector()),
        basic(selector(ReadWriteType="ReadOnly"), selector(ReadWriteType="WriteOnly", DataResources=DATA)),
        advanced(OBJECTS, management()),
        advanced(management(READS), management(WRITES)),
    ),
    whole=whole,
)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (updated(IsMultiRegionTrail=False), "it records only one region"),
        (updated(EnableLogFileValidation=False), "its log files aren't validated"),
        (encrypted_otherwise, "it isn't encrypted with the key in require.trails"),
        (narrowed_to_the_account, "it no longer records the whole organization"),
        (basic(selector(ReadWriteType="WriteOnly")), "its event selectors exclude management events"),
        (
            basic(selector(ExcludeManagementEventSources=["kms.amazonaws.com"])),
            "its event selectors exclude management events",
        ),
        (advanced(OBJECTS), "its event selectors exclude management events"),
        (
            advanced(management({"Field": "eventSource", "NotEquals": ["kms.amazonaws.com"]})),
            "its event selectors exclude management events",
        ),
    ],
)
def test_each_way_to_weaken_a_trail_is_fixed_and_undone(make: Make, reason: str, world: World) -> None:
    envelope = make(world)
    before = whole(world)
    (outcome,) = world.deliver(envelope, ID)
    assert (outcome.status, outcome.reason) == ("fixed", reason)
    world.application("fix", ID).engine.undo(outcome.record, "bob")
    assert whole(world) == before


def test_a_deleted_trail_that_the_settings_know_is_made_again_and_logs(world: World) -> None:
    world.deliver(deleted(bucket="audit-archive", prefix="trail", kms_key=KEY, organization=True)(world), ID)
    settings, logging, _, _ = whole(world)
    assert logging
    assert (settings["S3BucketName"], settings["S3KeyPrefix"]) == ("audit-archive", "trail")
    assert settings["KmsKeyId"] == KEY
    for wanted in (
        "IsMultiRegionTrail",
        "IncludeGlobalServiceEvents",
        "LogFileValidationEnabled",
        "IsOrganizationTrail",
    ):
        assert settings[wanted], wanted


def test_a_deleted_trail_that_the_settings_do_not_know_is_reported_and_not_made_again(world: World) -> None:
    (outcome,) = world.deliver(deleted()(world), ID)
    assert outcome.status == "alerted"
    assert outcome.reason == "it is deleted, and require.trails doesn't name it"
    assert whole(world) is None


def test_the_reason_tells_all_that_is_wrong(world: World) -> None:
    envelope = updated(IsMultiRegionTrail=False, EnableLogFileValidation=False)(world)
    world.client("cloudtrail").stop_logging(Name="audit")
    (outcome,) = world.deliver(envelope, ID, "alert")
    assert outcome.reason == "it isn't logging; it records only one region; its log files aren't validated"


def test_settings_come_first_and_logging_last(world: World) -> None:
    """A trail that starts before they are right delivers to whom it was turned to."""
    envelope = redirected(world)
    world.client("cloudtrail").stop_logging(Name="audit")
    world.deliver(envelope, ID)
    assert world.records()[0].calls == ("cloudtrail:UpdateTrail", "cloudtrail:StartLogging")


def test_a_redirected_trail_goes_back_to_its_bucket_and_prefix(world: World) -> None:
    world.deliver(redirected(world), ID)
    assert (whole(world)[0]["S3BucketName"], whole(world)[0]["S3KeyPrefix"]) == ("audit-archive", "trail")


def test_chosen_data_events_survive_the_fix(world: World) -> None:
    chosen = selector(ReadWriteType="ReadOnly", IncludeManagementEvents=False, DataResources=DATA)
    world.deliver(basic(chosen)(world), ID)
    assert whole(world)[2][0] == [chosen, selector()]


def test_chosen_advanced_data_events_survive_the_fix(world: World) -> None:
    world.deliver(advanced(OBJECTS, management(WRITES))(world), ID)
    assert whole(world)[2][1] == [OBJECTS, management()]


def test_five_selectors_with_data_have_no_room_for_another_so_the_first_is_widened() -> None:
    chosen = selector(IncludeManagementEvents=False, ReadWriteType="ReadOnly", DataResources=DATA)
    settings = dict.fromkeys(("IncludeGlobalServiceEvents", "IsMultiRegionTrail", "LogFileValidationEnabled"), True)
    state = {"name": "audit", "exists": True, "logging": True, "settings": settings}
    safe = KeepTrailLogging().safe({**state, "selectors": {"EventSelectors": [chosen] * 5}}, FixContext(Baseline()))
    assert safe["selectors"]["EventSelectors"] == [selector(DataResources=DATA), *[chosen] * 4]


def test_a_fix_that_failed_half_way_is_finished_by_the_next_delivery(world: World) -> None:
    envelope = deleted(bucket="audit-archive")(world)
    with world.denied("StartLogging"), pytest.raises(Exception, match="AccessDenied"):
        world.deliver(envelope, ID)
    assert whole(world)[1] is False
    world.later(minutes=5)
    (outcome,) = world.deliver(envelope, ID)
    assert outcome.status == "fixed"
    assert whole(world)[1] is True


@pytest.mark.parametrize("alias", ["alias/audit", f"arn:aws:kms:us-east-1:{HOME}:alias/audit"])
def test_which_key_an_alias_stands_for_is_not_guessed(alias: str, world: World) -> None:
    baseline(world, kms_key=alias)
    (outcome,) = world.deliver(updated(KmsKeyId=KEY)(world), ID)
    assert outcome.status == "compliant"


def test_the_home_region_is_the_arns() -> None:
    found = pointers("StopLogging", {"name": ARN.replace("us-east-1", "eu-west-1")})
    assert found == [Trail("audit", HOME, "eu-west-1")]
    assert found[0].arn == ARN.replace("us-east-1", "eu-west-1")


@pytest.mark.parametrize(
    "parameters",
    [
        None,
        {},
        {"name": ""},
        {"name": ["a", "b"]},
        {"trailName": {"x": 1}},
        {"name": ARN.replace(HOME, FRIEND)},
        {"name": f"arn:aws:cloudtrail:us-east-1:{HOME}:eventdatastore/audit"},
    ],
)
def test_an_event_that_names_no_trail_of_ours_is_of_no_interest(parameters: Any) -> None:
    assert pointers("StopLogging", parameters) == []


def test_the_sweep_finds_the_trails_of_this_account_and_region(world: World) -> None:
    trail(world)
    reader = world.application().sessions.reader
    assert list(Trail.all_in(reader(HOME, "us-east-1"))) == [Trail("audit", HOME, "us-east-1")]
    assert list(Trail.all_in(reader(HOME, "eu-west-1"))) == []


def test_tags_are_read_and_a_deleted_trail_has_none(world: World) -> None:
    trail(world)
    reader = world.application().sessions.reader
    assert Trail("audit", HOME, "us-east-1").tags(reader(HOME, "us-east-1")) == {"owner": "security"}
    assert Trail("never-made", HOME, "us-east-1").tags(reader(HOME, "us-east-1")) == {}


def pointers(name: str, parameters: Any) -> list[Trail]:
    return list(Trail.in_event(Event.parse(cloudtrail_event("cloudtrail", name, parameters))))
