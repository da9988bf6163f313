from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from snapback.errors import CannotReenact
from snapback.memory_aws.memory import MemoryAws
from snapback.replay.aliases import Aliases
from snapback.replay.calls import call_of
from snapback.replay.reenact import Reenactor
from tests.support.events import cloudtrail_event

if TYPE_CHECKING:
    from collections.abc import Iterator

HOME = "111122223333"
EVERYONE = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject"}]}

TRUST = {**EVERYONE, "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}


def event(source: str, name: str, parameters: Any = None, answer: Any = None, **detail: Any) -> dict[str, Any]:
    return cloudtrail_event(source, name, parameters, answer, account=HOME, **detail)


@pytest.fixture
def aws() -> Iterator[MemoryAws]:
    with MemoryAws(HOME) as memory:
        yield memory


@pytest.fixture
def again(aws: MemoryAws) -> Reenactor:
    return Reenactor(aws)


RULE = {"ipProtocol": "tcp", "fromPort": "22", "toPort": 22, "groups": {}, "ipv6Ranges": {}, "prefixListIds": {}}
MAPPED: dict[str, tuple[dict[str, Any], tuple[str, str, dict[str, Any]]]] = {
    "EC2's items are opened, and ports may be text": (
        event(
            "ec2",
            "AuthorizeSecurityGroupIngress",
            {
                "groupId": "sg-1",
                "ipPermissions": {"items": [{**RULE, "ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}]}}]},
            },
        ),
        (
            "ec2",
            "AuthorizeSecurityGroupIngress",
            {
                "GroupId": "sg-1",
                "IpPermissions": [
                    {
                        "IpProtocol": "tcp",
                        "FromPort": 22,
                        "ToPort": 22,
                        "UserIdGroupPairs": [],
                        "IpRanges": [{"CidrIp": "0.0.0.0/0"}],
                        "Ipv6Ranges": [],
                        "PrefixListIds": [],
                    }
                ],
            },
        ),
    ),
    "EC2's request wrapper is opened": (
        event("ec2", "DeleteFlowLogs", {"DeleteFlowLogsRequest": {"FlowLogId": {"content": "fl-1", "tag": 1}}}),
        ("ec2", "DeleteFlowLogs", {"FlowLogIds": ["fl-1"]}),
    ),
    "what is started stands in instancesSet": (
        event("ec2", "StopInstances", {"instancesSet": {"items": [{"instanceId": "i-1"}]}, "force": False}),
        ("ec2", "StopInstances", {"InstanceIds": ["i-1"], "Force": False}),
    ),
    "instances are counted in the answer": (
        event(
            "ec2",
            "RunInstances",
            {
                "instancesSet": {"items": [{"imageId": "ami-1", "minCount": 1, "maxCount": 5}]},
                "instanceType": "t3.micro",
            },
            {"instancesSet": {"items": [{"instanceId": "i-1"}, {"instanceId": "i-2"}]}},
        ),
        ("ec2", "RunInstances", {"ImageId": "ami-1", "MinCount": 2, "MaxCount": 2, "InstanceType": "t3.micro"}),
    ),
    "a network ACL's protocol has another name": (
        event(
            "ec2",
            "CreateNetworkAclEntry",
            {
                "networkAclId": "acl-1",
                "ruleNumber": 12,
                "egress": False,
                "ruleAction": "allow",
                "aclProtocol": "6",
                "icmpTypeCode": {},
                "portRange": {"from": 22, "to": 22},
                "cidrBlock": "0.0.0.0/0",
            },
        ),
        (
            "ec2",
            "CreateNetworkAclEntry",
            {
                "NetworkAclId": "acl-1",
                "RuleNumber": 12,
                "Egress": False,
                "RuleAction": "allow",
                "Protocol": "6",
                "PortRange": {"From": 22, "To": 22},
                "IcmpTypeCode": {},
                "CidrBlock": "0.0.0.0/0",
            },
        ),
    ),
    "a snapshot's permissions are said in the older way": (
        event(
            "ec2",
            "ModifySnapshotAttribute",
            {
                "snapshotId": "snap-1",
                "createVolumePermission": {"add": {"items": [{"userId": "444455556666"}, {"group": "all"}]}},
                "attributeType": "CREATE_VOLUME_PERMISSION",
            },
        ),
        (
            "ec2",
            "ModifySnapshotAttribute",
            {
                "SnapshotId": "snap-1",
                "Attribute": "createVolumePermission",
                "OperationType": "add",
                "UserIds": ["444455556666"],
                "GroupNames": ["all"],
            },
        ),
    ),
    "a bucket policy is an object in the record and text in the call": (
        event("s3", "PutBucketPolicy", {"bucketName": "acme", "policy": "", "Host": "h", "bucketPolicy": EVERYONE}),
        ("s3", "PutBucketPolicy", {"Bucket": "acme", "Policy": json.dumps(EVERYONE)}),
    ),
    "a canned ACL may be a list": (
        event("s3", "PutBucketAcl", {"bucketName": "acme", "acl": [""], "x-amz-acl": ["public-read"]}),
        ("s3", "PutBucketAcl", {"Bucket": "acme", "ACL": "public-read"}),
    ),
    "a grant may stand alone": (
        event(
            "s3",
            "PutBucketAcl",
            {
                "bucketName": "acme",
                "acl": "",
                "AccessControlPolicy": {
                    "Owner": {"ID": "o"},
                    "AccessControlList": {
                        "Grant": {"Grantee": {"xsi:type": "Group", "URI": "u"}, "Permission": "READ"}
                    },
                },
            },
        ),
        (
            "s3",
            "PutBucketAcl",
            {
                "Bucket": "acme",
                "AccessControlPolicy": {
                    "Owner": {"ID": "o"},
                    "Grants": [{"Grantee": {"Type": "Group", "URI": "u"}, "Permission": "READ"}],
                },
            },
        ),
    ),
    "Block Public Access has a name of its own": (
        event("s3", "DeleteBucketPublicAccessBlock", {"bucketName": "acme", "publicAccessBlock": ""}),
        ("s3", "DeletePublicAccessBlock", {"Bucket": "acme"}),
    ),
    "so has the account's": (
        event(
            "s3",
            "PutAccountPublicAccessBlock",
            {"PublicAccessBlockConfiguration": {"xmlns": "x", "BlockPublicAcls": False}},
        ),
        (
            "s3control",
            "PutPublicAccessBlock",
            {"AccountId": HOME, "PublicAccessBlockConfiguration": {"BlockPublicAcls": False}},
        ),
    ),
    "Lambda's names carry the API's date": (
        event(
            "lambda",
            "AddPermission20150331v2",
            {"functionName": "f", "statementId": "s", "action": "a", "principal": "*"},
        ),
        ("lambda", "AddPermission", {"FunctionName": "f", "StatementId": "s", "Action": "a", "Principal": "*"}),
    ),
    "a key made for oneself has its owner in the answer": (
        event("iam", "CreateAccessKey", None, {"accessKey": {"userName": "bob", "accessKeyId": "AKIAEXAMPLE"}}),
        ("iam", "CreateAccessKey", {"UserName": "bob"}),
    ),
    "a hidden password is made up": (
        event("iam", "CreateLoginProfile", {"userName": "bob", "passwordResetRequired": True}),
        ("iam", "CreateLoginProfile", {"UserName": "bob", "Password": "Made-up-1!", "PasswordResetRequired": True}),
    ),
}


@pytest.mark.parametrize("what", MAPPED)
def test_a_record_is_the_call_that_it_was(what: str) -> None:
    envelope, call = MAPPED[what]
    assert call_of(envelope["detail"], HOME, "us-east-1") == call


@pytest.mark.parametrize(
    ("envelope", "why"),
    [
        (event("billingconsole", "SetContactAddress", {}), "boto3 knows no call"),
        (event("ec2", "CreateVolumes", {}), "boto3 knows no call"),
        (event("iam", "PutUserPolicy", {"userName": "bob"}), "leaves out PolicyName, PolicyDocument"),
        (event("ec2", "ModifyInstanceAttribute", {"instanceId": "i-1", "userData": "<sensitiveDataRemoved>"}), "hides"),
        (event("iam", "CreateAccessKey", None, None, actor={"type": "Root"}), "root"),
        (event("s3", "CreateBucket", ["what"]), "no object"),
    ],
)
def test_what_cant_be_said_is_told_with_why(envelope: dict[str, Any], why: str) -> None:
    with pytest.raises(CannotReenact, match=why):
        call_of(envelope["detail"], HOME, "us-east-1")


@pytest.mark.parametrize(
    ("envelope", "why"),
    [
        (event("iam", "ListUsers", {}, readOnly=True), "it only reads"),
        (event("iam", "ListUsers", {}, readOnly=None), "it only reads"),
        (event("iam", "CreateUser", None, errorCode="AccessDenied"), "the call failed: AccessDenied"),
        (event("signin", "ConsoleLogin", None, eventType="AwsConsoleSignIn"), "a sign-in"),
        (event("kms", "RotateKey", None, eventType="AwsServiceEvent"), "a service's own event"),
        (
            {
                "account": HOME,
                "region": "us-east-1",
                "detail-type": "EC2 Instance State-change Notification",
                "detail": {},
            },
            "own",
        ),
        ({"account": None, "region": "us-east-1", "detail": {"eventSource": "s3.amazonaws.com"}}, "missing"),
    ],
)
def test_what_changed_nothing_is_not_re_enacted(again: Reenactor, envelope: dict[str, Any], why: str) -> None:
    done = again(envelope)
    assert done.done is None
    assert why in done.why


@pytest.mark.parametrize(
    ("envelope", "why"),
    [
        (event("access-analyzer", "CreateAnalyzer", {"analyzerName": "a", "type": "ACCOUNT"}), "lacks"),
        (event("kms", "UpdatePrimaryRegion", {"keyId": "mrk-1", "primaryRegion": "eu-west-1"}), "lacks"),
        (event("ec2", "CreateVpc", {"cidrBlock": "no cidr"}), "the in-memory AWS"),
        (event("ec2", "CreateVpc", {"cidrBlock": "10.0.0.0/16"}, region="moon-base-1"), "no region"),
    ],
)
def test_what_memory_cant_do_is_told_and_never_raised(again: Reenactor, envelope: dict[str, Any], why: str) -> None:
    done = again(envelope)
    assert done.done is False
    assert why in done.why


def test_ids_of_the_answer_are_learnt_and_used_in_later_calls(aws: MemoryAws, again: Reenactor) -> None:
    made = {"vpc": {"vpcId": "vpc-0a1b2c3d4e5f60001", "state": "pending", "ownerId": HOME}}
    assert again(event("ec2", "CreateVpc", {"cidrBlock": "10.1.0.0/16"}, made)).done
    group = {"groupName": "web", "groupDescription": "web", "vpcId": "vpc-0a1b2c3d4e5f60001"}
    assert again(event("ec2", "CreateSecurityGroup", group, {"groupId": "sg-0a1b2c3d4e5f60002"})).why == ""
    opened = {
        "groupId": "sg-0a1b2c3d4e5f60002",
        "ipPermissions": {"items": [{**RULE, "ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}]}}]},
    }
    assert again(event("ec2", "AuthorizeSecurityGroupIngress", opened)).why == ""
    group_id = again.aliases.to_memory("sg-0a1b2c3d4e5f60002")
    (found,) = aws.actor("ec2", HOME, "us-east-1").describe_security_groups(GroupIds=[group_id])["SecurityGroups"]
    assert found["IpPermissions"][0]["IpRanges"] == [{"CidrIp": "0.0.0.0/0"}]
    assert again.aliases.to_log({"arn": f"arn:aws:ec2:us-east-1:{HOME}:security-group/{group_id}"}) == {
        "arn": f"arn:aws:ec2:us-east-1:{HOME}:security-group/sg-0a1b2c3d4e5f60002"
    }


def test_an_id_stays_learnt_when_it_is_answered_again() -> None:
    aliases = Aliases()
    aliases.learn({"groupId": "sg-log"}, {"GroupId": "sg-memory"})
    aliases.learn({"groupId": "sg-memory"}, {"GroupId": "sg-memory"})
    assert aliases.to_log("sg-memory") == "sg-log"


def test_only_ids_are_learnt() -> None:
    aliases = Aliases()
    recorded = {
        "requestId": "r-1",
        "ownerId": HOME,
        "status": "pending",
        "arn": f"arn:aws:x:us-west-2:{HOME}:thing/t-1",
    }
    aliases.learn(
        recorded, {"RequestId": "r-2", "OwnerId": "9", "Status": "done", "Arn": "arn:aws:x:us-east-1:9:thing/t-22"}
    )
    assert aliases.to_memory(["r-1", HOME, "pending", "us-west-2", "thing", "t-1"]) == [
        "r-1",
        HOME,
        "pending",
        "us-west-2",
        "thing",
        "t-22",
    ]


def test_a_bucket_that_a_call_presupposes_is_private(aws: MemoryAws, again: Reenactor) -> None:
    done = again(
        event("s3", "PutBucketVersioning", {"bucketName": "acme", "VersioningConfiguration": {"Status": "Enabled"}})
    )
    assert (done.done, done.why) == (True, "presupposed bucket acme, private")
    s3 = aws.actor("s3", HOME, "us-east-1")
    assert all(s3.get_public_access_block(Bucket="acme")["PublicAccessBlockConfiguration"].values())


def test_a_public_policy_that_aws_took_says_that_nothing_blocked_it(aws: MemoryAws, again: Reenactor) -> None:
    policy = {**EVERYONE, "Statement": [{**EVERYONE["Statement"][0], "Resource": "arn:aws:s3:::acme/*"}]}  # type: ignore[dict-item]
    done = again(event("s3", "PutBucketPolicy", {"bucketName": "acme", "bucketPolicy": policy}))
    assert "presupposed Block Public Access off" in done.why
    s3 = aws.actor("s3", HOME, "us-east-1")
    with pytest.raises(s3.exceptions.ClientError, match="NoSuchPublicAccessBlock"):
        s3.get_public_access_block(Bucket="acme")


@pytest.mark.parametrize(("at", "blocked"), [("2022-01-01T00:00:00Z", False), ("2026-01-01T00:00:00Z", True)])
def test_a_new_bucket_is_blocked_since_aws_does_so(aws: MemoryAws, again: Reenactor, at: str, blocked: bool) -> None:
    again(event("s3", "CreateBucket", {"bucketName": "acme"}, eventTime=at))
    s3 = aws.actor("s3", HOME, "us-east-1")
    try:
        found = all(s3.get_public_access_block(Bucket="acme")["PublicAccessBlockConfiguration"].values())
    except s3.exceptions.ClientError:
        found = False
    assert found is blocked


def test_a_bucket_is_made_in_its_region(aws: MemoryAws, again: Reenactor) -> None:
    assert again(event("s3", "CreateBucket", {"bucketName": "acme"}, region="eu-west-1")).done
    assert aws.actor("s3", HOME, "us-east-1").get_bucket_location(Bucket="acme")["LocationConstraint"] == "eu-west-1"


PRESUPPOSED = [
    (event("iam", "CreateAccessKey", {"userName": "bob"}), "user bob"),
    (event("iam", "UpdateAccessKey", {"userName": "bob", "accessKeyId": "AKIAEXAMPLE12345", "status": "Active"}), "access key"),
    (event("iam", "AttachUserPolicy", {"userName": "bob", "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}), "AWS's"),
    (event("iam", "AttachGroupPolicy", {"groupName": "g", "policyArn": f"arn:aws:iam::{HOME}:policy/team/p"}), "harmless"),
    (event("iam", "UpdateAssumeRolePolicy", {"roleName": "r", "policyDocument": json.dumps(TRUST)}), "role r"),
    (event("ec2", "ModifyImageAttribute", {"imageId": "ami-01", "launchPermission": {"add": {"items": [{"group": "all"}]}}}), "ami"),
    (event("ec2", "DeleteVolume", {"volumeId": "vol-01"}), "vol-01"),
    (event("ec2", "DisassociateRouteTable", {"associationId": "rtbassoc-01"}), "rtbassoc-01"),
    (event("ec2", "DetachInternetGateway", {"internetGatewayId": "igw-01", "vpcId": "vpc-01"}), "igw-01"),
    (event("ec2", "TerminateInstances", {"instancesSet": {"items": [{"instanceId": "i-01"}]}}), "i-01"),
    (event("ecr", "SetRepositoryPolicy", {"repositoryName": "web", "policyText": json.dumps(EVERYONE)}), "repository web"),
    (event("cloudtrail", "StopLogging", {"name": f"arn:aws:cloudtrail:us-east-1:{HOME}:trail/audit"}), "trail audit"),
    (event("kms", "ScheduleKeyDeletion", {"keyId": "1234abcd-12ab-34cd-56ef-1234567890ab"}), "key 1234abcd"),
    (event("lambda", "AddPermission20150331v2", {"functionName": "f", "statementId": "s", "action": "lambda:*", "principal": "*"}), "f"),
    (event("rds", "ModifyDBInstance", {"dBInstanceIdentifier": "db", "publiclyAccessible": True}), "database db"),
    (event("secretsmanager", "DeleteSecret", {"secretId": f"arn:aws:secretsmanager:us-east-1:{HOME}:secret:s-AbCdEf"}), "secret s"),
    (event("sns", "SetTopicAttributes", {"topicArn": f"arn:aws:sns:us-east-1:{HOME}:t", "attributeName": "DisplayName", "attributeValue": "x"}), "t"),
    (event("sqs", "SetQueueAttributes", {"queueUrl": f"https://sqs.us-east-1.amazonaws.com/{HOME}/q", "attributes": {"DelaySeconds": "1"}}), "q"),
]  # fmt: skip


@pytest.mark.parametrize(("envelope", "what"), PRESUPPOSED, ids=lambda value: value if isinstance(value, str) else "")
def test_what_a_call_presupposes_is_made_first(again: Reenactor, envelope: dict[str, Any], what: str) -> None:
    done = again(envelope)
    assert done.done, done.why
    assert "presupposed" in done.why
    assert what in done.why


def test_what_a_call_creates_is_not_presupposed(again: Reenactor) -> None:
    asked = {"dBInstanceIdentifier": "db", "dBInstanceClass": "db.t3.micro", "engine": "no-such-engine"}
    done = again(event("rds", "CreateDBInstance", asked))
    assert done.done is False
    assert "Exists" not in done.why


def test_what_is_deleted_and_was_never_seen_is_gone_already(again: Reenactor) -> None:
    done = again(event("iam", "DeleteUserPolicy", {"userName": "bob", "policyName": "p"}))
    assert (done.done, done.why) == (True, "presupposed user bob; already absent in memory")


def test_a_scanned_image_is_there_with_what_was_found(aws: MemoryAws, again: Reenactor) -> None:
    digest = "sha256:" + "ab" * 32
    scan = {
        "account": HOME,
        "region": "eu-north-1",
        "detail-type": "ECR Image Scan",
        "detail": {
            "scan-status": "COMPLETE",
            "repository-name": "web",
            "finding-severity-counts": {"CRITICAL": 2, "HIGH": 1, "LOW": 0},
            "image-digest": digest,
            "image-tags": ["v1", "v2"],
        },
    }
    assert again(scan).why == "presupposed repository web, scanned on push, image v1, image v2"
    ecr = aws.actor("ecr", HOME, "eu-north-1")
    for image in ({"imageDigest": digest}, {"imageTag": "v2"}):
        found = ecr.describe_image_scan_findings(repositoryName="web", imageId=image)["imageScanFindings"]
        assert found["findingSeverityCounts"] == {"CRITICAL": 2, "HIGH": 1}
    (image,) = ecr.describe_images(repositoryName="web", imageIds=[{"imageDigest": digest}])["imageDetails"]
    assert sorted(image["imageTags"]) == ["v1", "v2"]
    assert again(scan).why == ""


@pytest.mark.parametrize("detail", [{"scan-status": "COMPLETE"}, {"scan-status": "COMPLETE", "repository-name": 1}])
def test_a_scan_of_nothing_is_told(again: Reenactor, detail: dict[str, Any]) -> None:
    scan = {"account": HOME, "region": "us-east-1", "detail-type": "ECR Image Scan", "detail": detail}
    assert again(scan).done is False
