"""The instance profile, by which an instance has its role."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.rule import Fix, FixContext
from chalicelib.resources.absent import absent

if TYPE_CHECKING:
    from chalicelib.core.resource import Resource
    from chalicelib.core.session import Session
    from chalicelib.core.types import State
    from chalicelib.resources.ec2.instances import Instance


class TakeProfileOff(Fix["Instance"]):
    """Remove the instance profile. A person must attach one again.

    To put it back, Snapback would need iam:PassRole for administrators' roles, by which whoever gets hold of it is one.
    Keys that the instance already has hold for some hours more.
    """

    document = "ec2:instance-profile"
    reads = ("ec2:DescribeInstances",)
    writes = ("ec2:DescribeIamInstanceProfileAssociations", "ec2:DisassociateIamInstanceProfile")
    reversible = False

    def read(self, resource: Instance, aws: Session) -> State:
        found = resource.described(aws)
        return {"profile": found.get("IamInstanceProfile", {}).get("Arn") if found else None}

    def safe(self, state: State, context: FixContext) -> State:
        return {**state, "profile": None}

    def touches(self, resource: Instance, before: State, after: State) -> tuple[Resource | str, ...]:
        return (before["profile"],) if before["profile"] else ()

    def write(self, resource: Instance, state: State, aws: Session) -> None:
        if state["profile"] is not None:
            return
        ec2 = aws.client("ec2")
        pages = ec2.get_paginator("describe_iam_instance_profile_associations").paginate(
            Filters=[
                {"Name": "instance-id", "Values": [resource.id]},
                {"Name": "state", "Values": ["associating", "associated"]},
            ]
        )
        for association in [each for page in pages for each in page["IamInstanceProfileAssociations"]]:
            with absent("InvalidAssociationID.NotFound"):
                ec2.disassociate_iam_instance_profile(AssociationId=association["AssociationId"])
