from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import botocore.session
import pytest

from chalicelib import catalog
from chalicelib.core.rule import Guardrail
from chalicelib.core.settings import Exports
from chalicelib.core.types import Status
from chalicelib.exports.security_hub import _TYPES, SecurityHub
from tests.exports.stream import Lambda, item, life, step_of
from tests.notify.test_message import record_of
from tests.support.events import FRIEND, HOME, REGION
from tests.support.moto_gaps import deny, security_hub

if TYPE_CHECKING:
    from chalicelib.wiring import Application
    from tests.support.world import World

ID = "snapback/0123456789abcdef"
SECRET = "correct horse battery staple"


@pytest.fixture
def app(world: World) -> Application:
    world.client("securityhub").enable_security_hub()
    return world.application(exports=Exports(security_hub=True))


@pytest.mark.parametrize(
    ("statuses", "by", "workflow", "compliance", "state"),
    [
        ([Status.ALERTED], "snapback", "NEW", "FAILED", "ACTIVE"),
        ([Status.ASKING], "snapback", "NOTIFIED", "FAILED", "ACTIVE"),
        ([Status.ASKING, Status.EXPIRED], "snapback", "NOTIFIED", "FAILED", "ACTIVE"),
        ([Status.ASKING, Status.EXPIRED], "bob", "SUPPRESSED", "FAILED", "ACTIVE"),
        ([Status.FIXING, Status.FIXED], "snapback", "RESOLVED", "PASSED", "ACTIVE"),
        ([Status.ASKING, Status.FIXING, Status.FIXED], "bob", "RESOLVED", "PASSED", "ACTIVE"),
        ([Status.FIXING, Status.STILL_UNSAFE], "snapback", "NEW", "FAILED", "ACTIVE"),
        ([Status.FIXING, Status.FIXED, Status.UNDOING, Status.UNDONE], "bob", "SUPPRESSED", "FAILED", "ACTIVE"),
        ([Status.ASKING, Status.GONE], "snapback", "RESOLVED", "NOT_AVAILABLE", "ARCHIVED"),
        ([Status.FIGHTING], "snapback", "NEW", "FAILED", "ACTIVE"),
    ],
)
def test_a_finding_moves_on_as_its_record_does(
    statuses: list[Status], by: str, workflow: str, compliance: str, state: str, app: Application
) -> None:
    with security_hub(HOME) as findings:
        for each in life(record_of(*statuses, by=by, why="exempt" if by == "bob" else "unanswered")):
            assert Lambda(app, [each]).once() == []
    (finding,) = findings.values()
    assert finding["Workflow"] == {"Status": workflow}
    assert finding["Compliance"]["Status"] == compliance
    assert finding["RecordState"] == state


def test_what_was_safe_when_somebody_looked_is_resolved(app: Application) -> None:
    with security_hub(HOME) as findings:
        record = record_of(Status.ASKING, Status.EXPIRED, by="bob", note="the resource is already safe", why="safe")
        assert Lambda(app, life(record)).once() == []
    assert findings[ID]["Workflow"] == {"Status": "RESOLVED"}
    assert findings[ID]["Compliance"]["Status"] == "PASSED"


def test_a_finding_says_what_the_record_does_and_asff_takes_it(app: Application) -> None:
    with security_hub(HOME) as findings:
        Lambda(app, life(record_of(Status.ALERTED, account=FRIEND, region="eu-west-1"))).once()
    finding = findings[ID]
    assert finding["AwsAccountId"] == HOME, "AWS takes findings of the calling account only, with its own product"
    assert finding["ProductArn"] == f"arn:aws:securityhub:{REGION}:{HOME}:product/{HOME}/default"
    assert finding["ProductFields"]["snapback/account"] == FRIEND
    assert finding["GeneratorId"] == "snapback/s3.bucket_acl_made_public"
    resource = {"Type": "AwsS3Bucket", "Id": "arn:aws:s3:::photos", "Partition": "aws", "Region": "eu-west-1"}
    assert finding["Resources"] == [resource]
    assert finding["FindingProviderFields"]["Severity"] == {"Label": "CRITICAL", "Original": "critical"}
    assert "alice" in finding["ProductFields"]["snapback/actor"]
    assert finding["CreatedAt"] == "2026-11-23T10:01:00.000Z"
    assert len(finding["Remediation"]["Recommendation"]["Text"]) <= 512


def test_a_finding_names_a_control_where_the_two_agree(app: Application) -> None:
    agreeing = record_of(Status.ALERTED, id="e" * 16, guardrail="s3.bucket_public_access_block_weakened")
    with security_hub(HOME) as findings:
        assert Lambda(app, [item(1, agreeing), item(2, record_of(Status.ALERTED))]).once() == []
    assert findings[f"snapback/{agreeing.id}"]["Compliance"] == {
        "Status": "FAILED",
        "SecurityControlId": "S3.8",
        "RelatedRequirements": ["S3.8", "CIS-5.0 2.1.4"],
    }
    assert findings[ID]["Compliance"] == {"Status": "FAILED"}, "S3.2 and S3.3 differ from it: docs/controls.md"


def test_a_finding_of_a_tripwire_is_the_account_s_and_of_a_rule_that_is_no_more_too(app: Application) -> None:
    root = record_of(
        Status.ALERTED, guardrail="signin.root_used", kind="resource.Account", before=None, after=None, fix=""
    )
    with security_hub(HOME) as findings:
        assert Lambda(app, [item(1, root)]).once() == []
        assert findings[ID]["Resources"][0]["Type"] == "AwsAccount"
        assert findings[ID]["FindingProviderFields"]["Types"] == ["Unusual Behaviors"]
        former = record_of(Status.ALERTED, id="f" * 16, guardrail="s3.once_there_was")
        assert Lambda(app, [item(2, former)]).once() == []
        assert "SecurityControlId" not in findings[f"snapback/{former.id}"]["Compliance"]


def test_every_kind_of_resource_is_named_as_asff_does() -> None:
    model: Any = botocore.session.get_session().get_service_model("securityhub")
    known = {*model.shape_for("ResourceDetails").members, "AwsAccount"}
    assert set(_TYPES.values()) <= known
    kinds = {rule.resource.cloudformation_type for rule in catalog.all_rules() if isinstance(rule, Guardrail)}
    lower = {name.removeprefix("Aws").lower() for name in known}
    concerns_all = {kind for kind in kinds - _TYPES.keys() if "".join(kind.split("::")[1:]).lower() in lower}
    assert not concerns_all, "ASFF has a name for these"


def test_what_security_hub_refuses_fails_its_items_and_no_others(app: Application) -> None:
    good, bad = record_of(Status.ALERTED, id="a" * 16), record_of(Status.ALERTED, id="b" * 16)
    refuses = {f"snapback/{bad.id}": "InternalFailure"}
    with security_hub(HOME, refuses=refuses) as findings:
        lambda_ = Lambda(app, [item(1, good), item(2, bad)])
        assert len(lambda_.once()) == 1
        assert [*findings] == [f"snapback/{good.id}"]
        refuses.clear()
        assert lambda_.once() == []
        assert len(findings) == 2


def test_a_workflow_that_cannot_be_moved_fails_the_item_until_it_can(app: Application) -> None:
    asking, fixed = life(record_of(Status.ASKING, Status.FIXED))
    refuses: dict[str, str] = {}
    with security_hub(HOME, refuses=refuses) as findings:
        assert Lambda(app, [asking]).once() == []
        refuses[ID] = "ConcurrentUpdateError"
        lambda_ = Lambda(app, [fixed])
        assert len(lambda_.once()) == 1
        assert findings[ID]["Workflow"]["Status"] == "NOTIFIED"
        refuses.clear()
        assert lambda_.once() == []
        assert findings[ID]["Workflow"]["Status"] == "RESOLVED"


@pytest.mark.parametrize("code", ["ThrottlingException", "InvalidAccessException", "InternalException"])
def test_a_call_that_fails_fails_the_batch_and_a_later_one_makes_it_good(code: str, app: Application) -> None:
    lambda_ = Lambda(app, life(record_of(Status.ALERTED, id="a" * 16)))
    with security_hub(HOME) as findings:
        with deny("BatchImportFindings", code=code):
            assert len(lambda_.once()) == 1
        assert lambda_.once() == []
        assert len(findings) == 1


def test_duplicates_and_late_steps_leave_the_latest(app: Application) -> None:
    items = life(record_of(Status.ASKING, Status.FIXING, Status.FIXED))
    with security_hub(HOME) as findings:
        for batch in (items, items, items[:1], items[:2]):
            assert Lambda(app, batch).once() == []
            assert findings[ID]["Compliance"]["Status"] == "PASSED"


def test_what_a_person_set_stays_until_the_record_moves(app: Application) -> None:
    asking, again, fixed = life(record_of(Status.ASKING, Status.ASKING, Status.FIXED))
    with security_hub(HOME) as findings:
        Lambda(app, [asking]).once()
        findings[ID]["Workflow"] = {"Status": "SUPPRESSED"}
        Lambda(app, [again]).once()
        assert findings[ID]["Workflow"] == {"Status": "SUPPRESSED"}
        Lambda(app, [fixed]).once()
        assert findings[ID]["Workflow"] == {"Status": "RESOLVED"}


def test_more_than_a_call_takes_goes_in_more_calls(app: Application, world: World) -> None:
    items = [item(number, record_of(Status.ALERTED, id=f"{number:016x}")) for number in range(1, 251)]
    with security_hub(HOME) as findings:
        world.calls.clear()
        assert Lambda(app, items).once() == []
        assert len(findings) == 250
    assert [call.operation for call in world.calls] == ["BatchImportFindings"] * 3


def test_the_largest_finding_is_far_below_what_security_hub_takes() -> None:
    long = "x" * 5000
    huge = record_of(
        Status.ALERTED,
        title=long,
        reason=long,
        arn=f"arn:aws:s3:::{long}",
        fix=long,
        event_name=long,
        before={"a": long},
    )
    finding: Any = SecurityHub(None, HOME, REGION).finding(step_of(huge))
    assert len(json.dumps(finding).encode()) < 24_000
    assert len(finding["Title"]) <= 256
    assert len(finding["Description"]) <= 1024
    assert len(finding["Resources"][0]["Id"]) <= 512
    assert all(len(value) <= 2048 for value in finding["ProductFields"].values())


def test_no_secret_and_no_state_goes_to_security_hub(app: Application) -> None:
    before = {"Environment": {"DB_PASSWORD": SECRET}}
    record = record_of(Status.FIXING, Status.FAILED, before=before, after={}, error=f"password='{SECRET}'")
    with security_hub(HOME) as findings:
        Lambda(app, [item(1, record)]).once()
    assert "horse" not in json.dumps(findings)
    assert "DB_PASSWORD" not in json.dumps(findings)
