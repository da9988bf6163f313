"""Keys and secrets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from snapback.errors import CannotReenact

if TYPE_CHECKING:
    from snapback.replay.presupposed.call import Call, MakeNamed


def _key(call: Call, id: str) -> str:
    alias = id.startswith("alias/")
    if not alias and len(id) <= 8:  # noqa: PLR2004 - anything shorter is no id, and would be found in every other text
        raise CannotReenact(f"the record leaves out the key's id: it has {id!r}", incomplete=True)
    kms = call.client("kms")
    made = kms.create_key(Description="presupposed")["KeyMetadata"]["KeyId"]
    kms.enable_key_rotation(KeyId=made)
    if alias:
        kms.create_alias(AliasName=id, TargetKeyId=made)
    else:
        call.aliases.put(id.rsplit("/", 1)[-1], made)
    if call.operation == "CancelKeyDeletion":
        kms.schedule_key_deletion(KeyId=made)
    return f"key {id.rsplit('/', 1)[-1]}, rotated"


def _secret(call: Call, id: str) -> str:
    name = re.sub(r"-[A-Za-z0-9]{6}$", "", id.rsplit(":", 1)[-1]) if id.startswith("arn:") else id
    made = call.client("secretsmanager").create_secret(Name=name, SecretString="made-up")["ARN"]
    if id.startswith("arn:"):
        call.aliases.learn(id, made, "arn")
    return f"secret {name}"


BY_NAME: dict[tuple[str, str], MakeNamed] = {
    ("kms", "KeyId"): _key,
    ("kms", "TargetKeyId"): _key,
    ("secretsmanager", "SecretId"): _secret,
}
