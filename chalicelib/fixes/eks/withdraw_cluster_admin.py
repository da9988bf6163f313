"""Who is administrator of an EKS cluster by an access policy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.analysis.globs import matches
from chalicelib.core.partitions import partition
from chalicelib.core.rule import Fix, FixContext
from chalicelib.resources.eks import Cluster

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.core.event import Actor
    from chalicelib.core.resource import Resource
    from chalicelib.core.session import Session
    from chalicelib.core.types import State
    from chalicelib.resources.eks import AccessEntry

ADMIN = ("AmazonEKSClusterAdminPolicy", "AmazonEKSAdminPolicy")
"""https://docs.aws.amazon.com/eks/latest/userguide/access-policy-permissions.html"""
_SYSTEM = "kube-system"


class WithdrawClusterAdmin(Fix["AccessEntry"]):
    """Remove the principal's cluster administrator access policies, and leave its others.

    The state is `{"admin": [{"policy": ARN, "scope": as AssociateAccessPolicy takes it}]}`, those policies alone.
    """

    document = "eks:access-policies"
    reads = ("eks:ListAssociatedAccessPolicies",)
    writes = (*reads, "eks:AssociateAccessPolicy", "eks:DisassociateAccessPolicy")
    undo_writes = ("eks:AssociateAccessPolicy",)
    approval_reads = ("eks:ListAccessEntries",)

    def read(self, resource: AccessEntry, aws: Session) -> State:
        found = [
            {"policy": each["policyArn"], "scope": _scope(each["accessScope"])}
            for each in resource.policies(aws)
            if _is_admin(each)
        ]
        return {"admin": sorted(found, key=lambda each: str(each["policy"]))}

    def safe(self, state: State, context: FixContext) -> State:
        return {**state, "admin": []}

    def write(self, resource: AccessEntry, state: State, aws: Session) -> None:
        eks, now = aws.client("eks"), self.read(resource, aws)["admin"]
        entry = {"clusterName": resource.cluster, "principalArn": resource.principal}
        kept = {each["policy"] for each in state["admin"]}
        for each in now:
            if each["policy"] not in kept:
                eks.disassociate_access_policy(**entry, policyArn=each["policy"])
        for each in state["admin"]:
            if each not in now:
                eks.associate_access_policy(**entry, policyArn=each["policy"], accessScope=each["scope"])

    def needs_approval(
        self, resource: AccessEntry, before: State, after: State, actor: Actor, aws: Session
    ) -> str | None:
        """Who gets in by the aws-auth ConfigMap isn't looked at: only Kubernetes can tell."""
        pages = aws.client("eks").get_paginator("list_access_entries")
        for name in ADMIN:
            arn = f"arn:{partition(resource.region)}:eks::aws:cluster-access-policy/{name}"
            for page in pages.paginate(clusterName=resource.cluster, associatedPolicyArn=arn):
                if {*page["accessEntries"]} - {resource.principal}:
                    return None
        return "no other access entry has an admin policy: it may be the cluster's last administrator"

    def touches(self, resource: AccessEntry, before: State, after: State) -> tuple[Resource | str, ...]:
        cluster = Cluster(resource.cluster, resource.account, resource.region)
        return resource.principal, cluster, f"{resource.arn}/*"


def _is_admin(associated: Mapping[str, Any]) -> bool:
    """In the whole cluster, or in the namespace whose pods hold the cluster together."""
    scope = associated["accessScope"]
    everywhere = scope.get("type") == "cluster"
    system = any(matches(namespace, _SYSTEM) for namespace in scope.get("namespaces") or [])
    return associated["policyArn"].rpartition("/")[2] in ADMIN and (everywhere or system)


def _scope(scope: Mapping[str, Any]) -> dict[str, Any]:
    namespaces = {"namespaces": sorted(scope["namespaces"])} if scope.get("namespaces") else {}
    return {"type": scope["type"], **namespaces}
