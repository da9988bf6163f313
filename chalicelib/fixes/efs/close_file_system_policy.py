"""Policies of EFS file systems."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from chalicelib.analysis.policy_document import statements
from chalicelib.core.partitions import partition
from chalicelib.fixes.policy import DropPrincipals
from chalicelib.resources.absent import absent
from chalicelib.resources.efs import FileSystem
from chalicelib.resources.look_ups import NETWORKS, ORGANIZATION, reads_of

if TYPE_CHECKING:
    from chalicelib.analysis.policy_access import Grant
    from chalicelib.core.baseline import Baseline
    from chalicelib.core.session import Session
    from chalicelib.core.types import State


class CloseFileSystemPolicy(DropPrincipals[FileSystem]):
    """Remove unknown principals from the file system's policy, and leave the rest of its text.

    Without a policy, EFS lets in whoever reaches a mount target. So a policy always stays.
    """

    document = "elasticfilesystem:file-system-policy"
    reads = ("elasticfilesystem:DescribeFileSystemPolicy",)
    writes = ("elasticfilesystem:PutFileSystemPolicy",)
    look_ups = (ORGANIZATION, NETWORKS)
    approval_reads = reads_of(*look_ups)

    def facts(self, resource: FileSystem) -> State:
        owner = f"arn:{partition(resource.region)}:iam::{resource.account}:root"
        return {**super().facts(resource), "owner": owner}

    def get_policy(self, resource: FileSystem, aws: Session) -> str | None:
        with absent("PolicyNotFound"):
            text: str = aws.client("efs").describe_file_system_policy(FileSystemId=resource.id)["Policy"]
            return text
        return None

    def put_policy(self, resource: FileSystem, text: str, aws: Session) -> None:
        aws.client("efs").put_file_system_policy(FileSystemId=resource.id, Policy=text)

    def delete_policy(self, resource: FileSystem, aws: Session) -> None:
        """The account's own policy stands for none."""
        self.put_policy(resource, _for_owner(str(self.facts(resource)["owner"])), aws)

    def found(self, state: State, baseline: Baseline) -> list[Grant]:
        """But everyone whose way is a mount target: networks and security groups say who reaches it.

        https://docs.aws.amazon.com/efs/latest/ug/access-control-block-public-access.html#what-is-a-public-policy
        """
        mounted = {
            statement.index
            for statement in statements(state["policy"])
            for operator, key, values in statement.conditions()
            if (operator.lower(), key) == ("bool", "elasticfilesystem:accessedviamounttarget")
            and {each.lower() for each in values} == {"true"}
        }
        return [
            each for each in super().found(state, baseline) if each.principal != "*" or each.statement not in mounted
        ]

    def emptied(self, state: State) -> str | None:
        return _for_owner(state["owner"])


def _for_owner(owner: str) -> str:
    """Gives nobody access whom IAM doesn't give it."""
    actions = [f"elasticfilesystem:Client{each}" for each in ("Mount", "Write", "RootAccess")]
    statement = {"Effect": "Allow", "Principal": {"AWS": owner}, "Action": actions}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
