"""What belongs to the organization, its sign-in and its shares; rules and tables; documents; Roles Anywhere."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from snapback.replay.presupposed.call import Call, MakeNamed


def _permission_set(call: Call, arn: str) -> str:
    """Without any policy."""
    instance = call.parameters.get("InstanceArn", "")
    made = call.client("sso-admin").create_permission_set(Name="presupposed", InstanceArn=instance)
    call.aliases.put(arn.rsplit("/", 1)[-1], made["PermissionSet"]["PermissionSetArn"].rsplit("/", 1)[-1])
    return f"permission set {arn.rsplit('/', 1)[-1]}, without policies"


def _share(call: Call, arn: str) -> str:
    made = call.client("ram").create_resource_share(name="presupposed", allowExternalPrincipals=True)
    call.aliases.put(arn.rsplit("/", 1)[-1], made["resourceShare"]["resourceShareArn"].rsplit("/", 1)[-1])
    return "resource share, with nothing in it"


def _rule(call: Call, name: str) -> str:
    call.client("events").put_rule(Name=name, ScheduleExpression="rate(1 day)")
    return f"rule {name}, enabled"


def _table(call: Call, name: str) -> str:
    name = name.rpartition(":table/")[2].partition("/")[0]
    client = call.client("dynamodb")
    client.create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        DeletionProtectionEnabled=call.operation != "DeleteTable",
    )
    backups = {"PointInTimeRecoveryEnabled": True}
    client.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=backups)
    return f"table {name}, with backups"


def _document(call: Call, name: str) -> str:
    content = '{"schemaVersion": "2.2", "description": "presupposed", "mainSteps": []}'
    call.client("ssm").create_document(Name=name.rsplit("/", 1)[-1], Content=content, DocumentType="Command")
    return f"document {name}, private"


def _trust_anchor(call: Call, id: str) -> str:
    """Off."""
    source = {"sourceType": "CERTIFICATE_BUNDLE", "sourceData": {"x509CertificateData": "presupposed"}}
    made = call.client("rolesanywhere").create_trust_anchor(name="presupposed", source=source, enabled=False)
    call.aliases.put(id, made["trustAnchor"]["trustAnchorId"])
    return f"trust anchor {id}, off"


def _profile(call: Call, id: str) -> str:
    """Off; its roles aren't known."""
    role = f"arn:{call.partition}:iam::{call.account}:role/presupposed"
    made = call.client("rolesanywhere").create_profile(name="presupposed", roleArns=[role], enabled=False)
    call.aliases.put(id, made["profile"]["profileId"])
    return f"profile {id}, off"


def _key(call: Call, name: str) -> str:
    """A key whose id the log has and memory doesn't, as it stands in a parameter of another service."""
    found = re.search(r"key/([0-9a-f-]{36}|mrk-[0-9a-f]+)$", name)
    if not found or call.aliases.made(found[1]):
        return ""
    made = call.client("kms").create_key(Description="presupposed")["KeyMetadata"]["KeyId"]
    call.aliases.put(found[1], made)
    return f"key {found[1]}"


BY_NAME: dict[tuple[str, str], MakeNamed] = {
    ("dynamodb", "ResourceArn"): _table,
    ("dynamodb", "TableName"): _table,
    ("events", "Name"): _rule,
    ("events", "Rule"): _rule,
    ("ram", "resourceShareArn"): _share,
    ("rds", "KmsKeyId"): _key,
    ("rolesanywhere", "profileId"): _profile,
    ("rolesanywhere", "trustAnchorId"): _trust_anchor,
    ("ssm", "Name"): _document,
    ("sso-admin", "PermissionSetArn"): _permission_set,
}
