"""Key policies of KMS."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from chalicelib.core.partitions import partition
from chalicelib.fixes.policy import DropPrincipals
from chalicelib.resources.kms import Key
from chalicelib.resources.look_ups import NETWORKS, ORGANIZATION, reads_of

if TYPE_CHECKING:
    from chalicelib.core.session import Session
    from chalicelib.core.types import State


class CloseKeyPolicy(DropPrincipals[Key]):
    """Remove unknown principals from the key policy, and leave the rest of its text.

    The account itself is never removed. KMS also refuses a policy with which the caller couldn't change the next one.
    """

    document = "kms:key-policy"
    reads = ("kms:GetKeyPolicy",)
    writes = ("kms:PutKeyPolicy",)
    look_ups = (ORGANIZATION, NETWORKS)
    approval_reads = reads_of(*look_ups)

    def facts(self, resource: Key) -> State:
        owner = f"arn:{partition(resource.region)}:iam::{resource.account}:root"
        return {**super().facts(resource), "owner": owner}

    def get_policy(self, resource: Key, aws: Session) -> str | None:
        found: str = aws.client("kms").get_key_policy(KeyId=resource.id, PolicyName="default")["Policy"]
        return found

    def put_policy(self, resource: Key, text: str, aws: Session) -> None:
        aws.client("kms").put_key_policy(KeyId=resource.id, PolicyName="default", Policy=text)

    def delete_policy(self, resource: Key, aws: Session) -> None:
        """A key always has a policy: the default one stands for none."""
        self.put_policy(resource, _default(str(self.facts(resource)["owner"])), aws)

    def emptied(self, state: State) -> str | None:
        return _default(state["owner"])


def _default(owner: str) -> str:
    """What KMS gives a new key: the account decides by its IAM policies.

    https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
    """
    statement = {
        "Sid": "Enable IAM User Permissions",
        "Effect": "Allow",
        "Principal": {"AWS": owner},
        "Action": "kms:*",
        "Resource": "*",
    }
    return json.dumps({"Version": "2012-10-17", "Id": "key-default-1", "Statement": [statement]})
