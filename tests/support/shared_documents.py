"""Documents that several fixes write, each with all of these guardrails' faults in it, and with a third hand's edit.

The groups of `fix.document`; tests/engine/test_shared_documents.py fails where one has no row.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from moto import mock_aws

from chalicelib.core.baseline import Release, Require
from tests.guardrails.awslambda import functions
from tests.guardrails.dynamodb import tables
from tests.guardrails.ec2 import test_default_group_with_rules as default_group
from tests.guardrails.ecr import registry
from tests.guardrails.ecr import test_image_with_critical_findings as image
from tests.guardrails.ecs import definitions
from tests.guardrails.eks import clusters
from tests.guardrails.eks import test_audit_log_off as audit_log
from tests.guardrails.iam import test_access_key_created as key_created
from tests.guardrails.iam import test_access_key_exposed as key_exposed
from tests.guardrails.iam import test_access_key_stale as key_stale
from tests.guardrails.iam import test_user_quarantined_by_aws as quarantined
from tests.support.events import FRIEND, HOME, REGION, STRANGER, Envelope, cloudtrail_event, scheduled_event
from tests.support.moto_gaps import policies_of_aws, scan_found
from tests.support.world import KNOWN, World, another_administrator, settings_with

if TYPE_CHECKING:
    from collections.abc import Callable

BUCKET, ROLE, USER = "acme-data", "deploy", "alice"
GITHUB = f"arn:aws:iam::{HOME}:oidc-provider/token.actions.githubusercontent.com"
ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
CREATED, STALE, EXPOSED, QUARANTINED = (
    "iam.access_key_created",
    "iam.access_key_stale",
    "iam.access_key_exposed",
    "iam.user_quarantined_by_aws",
)


@dataclass(frozen=True)
class Document:
    """`make` makes it unsafe for all of `rules`, and answers the event of each; `third` edits what no fix is about.

    `whole` is what an undo has to bring back; `replaced` whether a write replaces all of it.
    """

    name: str
    make: Callable[[World], dict[str, Envelope]]
    whole: Callable[[World], Any]
    third: Callable[[World], object]
    replaced: bool = False


@cache
def rules_of(document: Document) -> tuple[str, ...]:
    """The rules that find something in it."""
    with mock_aws():
        return tuple(document.make(World(boto3.Session(region_name=REGION))))


def policy(statements: list[Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def allow(sid: str, who: Any, action: str = "s3:GetObject", **more: Any) -> dict[str, Any]:
    where = {} if action.startswith("sts:") else {"Resource": [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"]}
    return {"Sid": sid, "Effect": "Allow", "Principal": who, "Action": action, **where, **more}


def root(account: str) -> str:
    return f"arn:aws:iam::{account}:root"


def bucket(world: World) -> dict[str, Envelope]:
    world.client("s3").create_bucket(Bucket=BUCKET)
    put_bucket(
        world,
        [
            allow("Own", {"AWS": root(HOME)}, "s3:*"),
            allow("Public", "*"),
            allow("Unknown", {"AWS": [root(STRANGER), root(HOME)]}),
        ],
    )
    rules = "s3.bucket_allows_plain_http", "s3.bucket_policy_made_public", "s3.bucket_policy_trusts_unknown_account"
    return dict.fromkeys(rules, cloudtrail_event("s3", "PutBucketPolicy", {"bucketName": BUCKET}))


def put_bucket(world: World, statements: Any) -> None:
    world.client("s3").put_bucket_policy(Bucket=BUCKET, Policy=policy(statements))


def bucket_statements(world: World) -> list[Any]:
    found: list[Any] = json.loads(world.client("s3").get_bucket_policy(Bucket=BUCKET)["Policy"])["Statement"]
    return found


def role(world: World) -> dict[str, Envelope]:
    claims = {"StringLike": {"token.actions.githubusercontent.com:sub": "repo:*"}}
    statements = [
        allow("Partner", {"AWS": [root(STRANGER), root(HOME)]}, "sts:AssumeRole"),
        allow("Web", {"Federated": GITHUB}, "sts:AssumeRoleWithWebIdentity", Condition=claims),
    ]
    world.client("iam").create_role(RoleName=ROLE, AssumeRolePolicyDocument=policy(statements))
    rules = "iam.role_trusts_unknown_account", "iam.role_trusts_any_web_identity"
    return dict.fromkeys(rules, cloudtrail_event("iam", "UpdateAssumeRolePolicy", {"roleName": ROLE}))


def role_statements(world: World) -> list[Any]:
    found: Any = world.client("iam").get_role(RoleName=ROLE)["Role"]["AssumeRolePolicyDocument"]
    return list(found["Statement"])


def put_role(world: World, statements: Any) -> None:
    world.client("iam").update_assume_role_policy(RoleName=ROLE, PolicyDocument=policy(statements))


def normal(statements: Any) -> list[str]:
    """Statements whatever their order, and principals whatever theirs."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(each) for key, each in value.items()}
        if isinstance(value, list):
            return sorted(map(plain, value), key=str) if len(value) > 1 else plain(value[0])
        return value

    return sorted(json.dumps(plain(each), sort_keys=True) for each in statements)


def user(world: World) -> dict[str, Envelope]:
    policies_of_aws("AdministratorAccess")
    another_administrator(world)
    iam = world.client("iam")
    iam.create_user(UserName=USER)
    iam.attach_user_policy(UserName=USER, PolicyArn=ADMIN)
    up = [
        {"Effect": "Allow", "Action": "iam:*", "Resource": "*"},
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::a/*"},
    ]
    iam.put_user_policy(UserName=USER, PolicyName="up", PolicyDocument=policy(up))
    attached = cloudtrail_event("iam", "AttachUserPolicy", {"userName": USER, "policyArn": ADMIN})
    put = cloudtrail_event("iam", "PutUserPolicy", {"userName": USER, "policyName": "up"})
    return {
        "iam.admin_policy_attached": attached,
        "iam.inline_policy_escalates": put,
        "iam.policy_directly_on_user": attached,
    }


def user_policies(world: World) -> Any:
    iam = world.client("iam")
    names = iam.list_user_policies(UserName=USER)["PolicyNames"]
    inline = [iam.get_user_policy(UserName=USER, PolicyName=name)["PolicyDocument"] for name in sorted(names)]
    attached = iam.list_attached_user_policies(UserName=USER)["AttachedPolicies"]
    keys = iam.list_access_keys(UserName=USER)["AccessKeyMetadata"]
    states = sorted((each["AccessKeyId"], each["Status"]) for each in keys)
    return sorted(names), inline, sorted(each["PolicyName"] for each in attached), states


def user_keys(world: World) -> dict[str, Envelope]:
    world.settings = settings_with(KNOWN, require=Require(unused_days=90), grace={"*": 0})
    key = key_stale.key(world, 200, 100)
    quarantine = f"arn:aws:iam::aws:policy/{quarantined.QUARANTINE}"
    policies_of_aws(quarantined.QUARANTINE)
    world.client("iam").attach_user_policy(UserName=USER, PolicyArn=quarantine)
    parameters = {"userName": USER, "policyArn": quarantine}
    return {
        CREATED: key_created.created(key),
        STALE: scheduled_event(),
        EXPOSED: key_exposed.health(key),
        QUARANTINED: cloudtrail_event("iam", "AttachUserPolicy", parameters, actor=quarantined.AWS),
    }


def two_leaked_keys(world: World) -> dict[str, Envelope]:
    first, second = key_stale.key(world, 2, 1), key_stale.key(world, 2, 1)
    return {EXPOSED: key_exposed.health(first), f"{EXPOSED}#2": {**key_exposed.health(second), "id": "another"}}


def group(world: World) -> dict[str, Envelope]:
    default_group.vpc(world)
    found = default_group.group_id(world)
    world.client("ec2").authorize_security_group_ingress(
        GroupId=found,
        IpPermissions=[{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}],
    )
    rules = "ec2.default_group_with_rules", "ec2.security_group_opened_to_internet"
    return dict.fromkeys(rules, default_group.event(found))


def release(world: World) -> dict[str, Envelope]:
    pem = registry.pem(registry.key())
    require = Require(releases={"shop/*": Release(keys=(pem,))})
    world.settings = settings_with(KNOWN, require=require, quarantine="untag", grace={"*": 0})
    world.client("ecr").create_repository(repositoryName=registry.NAME)
    digest = registry.image(world, "v1", "latest")
    scan_found(HOME, "us-east-1", registry.NAME, digest, {"CRITICAL": 1})
    return {
        "ecr.image_with_critical_findings": image.event(digest, "v1", CRITICAL=1),
        "ecr.release_image_unsigned": registry.pushed(digest),
        "ecr.release_tag_forbidden": registry.pushed(digest, "latest"),
    }


def image_tags(world: World) -> Any:
    found = world.client("ecr").describe_images(repositoryName=registry.NAME)["imageDetails"]
    return sorted((each["imageDigest"], *sorted(each.get("imageTags", []))) for each in found)


def task(world: World) -> dict[str, Envelope]:
    secret = [{"name": "DB_PASSWORD", "value": "correct-horse-battery"}]
    made = definitions.container(image="evil.example/miner:1", environment=secret, privileged=True)
    envelope = definitions.registered(made)(world)
    return dict.fromkeys(("ecs.task_holds_secret", "ecs.task_image_not_allowed", "ecs.task_runs_as_host"), envelope)


def cluster(world: World) -> dict[str, Envelope]:
    network = {"endpointPublicAccess": True, "endpointPrivateAccess": True, "publicAccessCidrs": ["0.0.0.0/0"]}
    envelope = clusters.cluster(network=network, logging=audit_log.logs(), encryption=None)(world)
    rules = "eks.audit_log_off", "eks.endpoint_open_to_internet", "eks.secrets_not_encrypted"
    return dict.fromkeys(rules, envelope)


def table(world: World) -> dict[str, Envelope]:
    envelope = tables.table("UpdateTable", protected=False, recoverable=False)(world)
    backups = cloudtrail_event("dynamodb", "UpdateContinuousBackups", {"tableName": tables.NAME})
    return {"dynamodb.table_deletable": envelope, "dynamodb.table_not_recoverable": backups}


def function(world: World) -> dict[str, Envelope]:
    functions.make(world)
    for sid, who, more in (
        ("Own", f"arn:aws:iam::{HOME}:root", {}),
        ("Public", "*", {}),
        ("Uploads", "s3.amazonaws.com", {"SourceArn": f"arn:aws:s3:::{BUCKET}"}),
    ):
        permit_function(world, sid, who, **more)
    rules = "awslambda.function_policy_made_public", "awslambda.function_policy_without_account"
    return dict.fromkeys(rules, functions.event("AddPermission20150331v2"))


def permit_function(world: World, sid: str, who: str, **more: str) -> None:
    given = {"FunctionName": functions.NAME, "Action": "lambda:InvokeFunction", "StatementId": sid, "Principal": who}
    world.client("lambda").add_permission(**given, **more)


def tag_user(world: World) -> None:
    world.client("iam").tag_user(UserName=USER, Tags=[{"Key": "seen", "Value": "yes"}])


def tag_group(world: World) -> None:
    world.client("ec2").create_tags(Resources=[default_group.group_id(world)], Tags=[{"Key": "seen", "Value": "yes"}])


THIRD_BUCKET = allow("Third", {"AWS": root(FRIEND)})
THIRD_ROLE = allow("Third", {"AWS": root(FRIEND)}, "sts:AssumeRole")
DOCUMENTS = (
    Document(
        "s3:bucket-policy",
        bucket,
        lambda world: normal(bucket_statements(world)),
        lambda world: put_bucket(world, [*bucket_statements(world), THIRD_BUCKET]),
        replaced=True,
    ),
    Document(
        "iam:trust-policy",
        role,
        lambda world: normal(role_statements(world)),
        lambda world: put_role(world, [*role_statements(world), THIRD_ROLE]),
        replaced=True,
    ),
    Document("iam:identity", user, user_policies, tag_user, replaced=True),
    Document("iam:identity", user_keys, user_policies, tag_user),
    Document("iam:identity", two_leaked_keys, user_policies, tag_user, replaced=True),
    Document("ec2:security-group-rules", group, default_group.whole, tag_group),
    Document("ecr:image-tags", release, image_tags, lambda world: registry.image(world, "v2", content=b"another")),
    Document("ecs:task-definition", task, definitions.whole, definitions.disturb),
    Document(
        "lambda:function-policy",
        function,
        functions.policies,
        lambda world: permit_function(world, "Third", f"arn:aws:iam::{FRIEND}:root"),
    ),
    Document("eks:cluster-update", cluster, clusters.whole, clusters.disturb),
    Document("dynamodb:table-protection", table, tables.whole, tables.disturb),
)
