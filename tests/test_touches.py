"""Whatever a fix changes besides its resource is named, so that `never_touch` holds for it: by the calls that it makes."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import pytest
from moto import mock_aws

from chalicelib.core.event import Event
from chalicelib.core.resource import Resource
from chalicelib.core.rule import FixContext
from tests.support.cases import GUARDRAILS, about, case_of
from tests.support.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from chalicelib.core.rule import Guardrail

_READS = re.compile(r"Get|List|Describe|Head|BatchGet|Lookup")
_NAMES = re.compile(
    r"(id|ids|name|names|arn|arns|resources?|principals?|bucket|groups?|cluster|service|target|destination)$"
)
"""How a parameter ends that tells which thing is meant, in lower case."""
NOT_TOUCHED = {
    "auto-scaling.* InstanceIds": "the instance itself, whose id is part of the resource's",
    "cloudtrail.* KmsKeyId": "a setting of the trail: the key is used, not changed",
    "cloudtrail.* S3BucketName": "a setting of the trail: the bucket is used, not changed",
    "cloudtrail.PutEventSelectors *": "what the trail records",
    "config-service.*Recorder ConfigurationRecorderName": "the account's only recorder of its own in the region",
    "sns.SetTopicAttributes AttributeValue": "a setting of the topic: the key is used, not changed",
    "ec2.AuthorizeSecurityGroup* IpPermissions.*": "what a rule of the group lets in",
    "ec2.CreateFlowLogs LogDestination": "a setting of the flow log: the bucket is used, not changed",
    "ec2.CreateSecurityGroup GroupName": "a group that the fix makes for itself",
    "ec2.CreateSecurityGroup VpcId": "where the group is made that the fix needs",
    "ec2.CreateTags Resources": "a rule of the group, which the fix put back",
    "ec2.DeleteFlowLogs FlowLogIds": "the flow log that the fix made",
    "ec2.DisassociateAddress AssociationId": "the address's place on the interface, which is named",
    "ec2.DisassociateIamInstanceProfile AssociationId": "the profile's place on the instance; the profile is named",
    "ec2.Modify*Attribute *.*": "with whom it is shared",
    "ec2.ModifyNetworkInterfaceAttribute Groups": "which groups the interface is in",
    "ec2.ModifySnapshotAttribute *": "with whom it is shared",
    "ec2.RevokeSecurityGroup* SecurityGroupRuleIds": "rules are parts of the group",
    "ec2.RevokeSecurityGroupEgress GroupId": "the group that the fix made for itself",
    "ecs.UpdateService networkConfiguration.*": "a setting of the service",
    "glue.PutResourcePolicy EnableHybrid": "whether Lake Formation's grants stand beside the policy",
    "guardduty.*Detector DetectorId": "the account's only detector in the region",
    "kms.PutKeyPolicy PolicyName": "the key's own policy, whose only name this is",
    "sns.SetTopicAttributes AttributeName": "the topic's own policy",
    "*TagResource [Tt]ags.*": "tags are parts of the resource",
    "ec2.CreateTags Tags.*": "tags are parts of the resource",
    "eks.* policyArn": "AWS's own access policy: it is associated, not changed",
    "eks.AssociateEncryptionConfig *": "a setting of the cluster",
    "iam.*tach*Policy PolicyArn": "the identity has it or not; the policy isn't changed (to IAM, the resource is the identity)",
    "iam.*PermissionsBoundary PermissionsBoundary": "the identity has it or not; the policy isn't changed",
    "iam.*Policy PolicyName": "inline policies are parts of the identity",
    "iam.*PolicyVersion VersionId": "versions are parts of the policy",
    "lambda.*Permission *": "a statement of the function's policy",
    "eventbridge.* EventBusName": "the bus that the rule is on",
    "ram.* principals": "with whom it is shared",
    "s3.PutBucketAcl AccessControlPolicy.*": "who is granted what",
    "s3.PutBucketEncryption *": "a setting of the bucket: the key is used, not changed",
    "s3.PutBucketLifecycleConfiguration LifecycleConfiguration.*": "rules are parts of the bucket",
    "s3.PutBucketLogging *": "a setting of the bucket: where its logs go isn't changed",
    "sso-admin.* InstanceArn": "the instance of IAM Identity Center, in which all of this is",
}
"""Parameters that name something that the call doesn't change, by operation, and why."""


@pytest.mark.parametrize("rule", [pytest.param(rule, id=rule.id) for rule in GUARDRAILS if rule.fix])
def test_what_a_fix_and_its_undo_change_is_the_resource_or_named(rule: Guardrail[Any], world: World) -> None:
    unnamed: set[str] = set()
    for make in case_of(rule.id).unsafe:
        with mock_aws() as account:
            account.reset()
            for known, written in _writes(rule, make, World(world.aws)):
                unnamed |= {
                    f"{call} = {value}"
                    for call, value in written
                    if not _is_known(value, known) and not any(fnmatchcase(call, each) for each in NOT_TOUCHED)
                }
    assert not unnamed, "name it in the fix's `touches`, or say under NOT_TOUCHED why it isn't changed"


def _writes(
    rule: Guardrail[Any], make: Callable[[World], Any], world: World
) -> Iterator[tuple[list[str], set[tuple[str, str]]]]:
    """For each resource that is unsafe: the ARNs that are named, and the names in calls that write."""
    envelope, fix = make(world), rule.fix
    assert fix is not None
    sessions = world.application("fix", rule.id).sessions
    event = Event.parse(json.loads(json.dumps(envelope, default=str)))
    written: set[tuple[str, str]] = set()

    def note(client: Any, operation: str, asked: Any) -> None:
        service = client.meta.service_model.service_id.hyphenize()
        if not _READS.match(operation):
            written.update((f"{service}.{operation} {path}", value) for path, value in _leaves(asked))

    for resource in about(rule, envelope, sessions.reader("123456789012", "us-east-1")):
        reader = sessions.reader(resource.account, resource.region)
        if rule(resource, reader) is None:
            continue
        before = fix.read(resource, reader)
        after = fix.safe(before, FixContext(reader.baseline, event.actor, event.time))
        things = (resource, *fix.touches(resource, before, after))
        known = [name for each in things for name in (each.arns(reader) if isinstance(each, Resource) else [each])]
        writer = sessions.writer(
            resource.account, resource.region, "0123456789abcdef", rule.service, undo=bool(fix.undo_writes)
        )
        asking = writer.asking

        def noted(client: Any, operation: str, asked: Any, asking: Callable[..., Any] = asking) -> Any:
            note(client, operation, asked)
            return asking(client, operation, asked)

        writer.asking = noted
        fix.write(resource, after, writer)
        if fix.reversible:
            fix.write(resource, before, writer)
        yield [*known, resource.id, resource.account], set(written)
        written.clear()


def _leaves(value: Any, path: str = "", key: str = "") -> Iterator[tuple[str, str]]:
    """The strings that name something, by the path to them."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _leaves(each, f"{path}.{name}" if path else name, name)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _leaves(each, path, key)
    elif isinstance(value, str) and (_NAMES.search(key.lower()) or value.startswith("arn:")):
        yield path, value


def _is_known(value: str, known: list[str]) -> bool:
    """By its ARN, or by a part of one."""
    return any(
        value == name or value in re.split("[/:@]", name) or name.endswith((f":{value}", f"/{value}")) for name in known
    )
