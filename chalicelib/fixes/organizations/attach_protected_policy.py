"""What a protected organization policy is attached to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.core.partitions import partition
from chalicelib.core.rule import Fix, FixContext
from chalicelib.resources.absent import absent

if TYPE_CHECKING:
    from chalicelib.core.baseline import Baseline
    from chalicelib.core.resource import Resource
    from chalicelib.core.session import Session
    from chalicelib.core.types import State
    from chalicelib.resources.organizations import OrganizationPolicy

_KINDS = {"r": "root", "ou": "ou"}
"""Of targets, by how their ids begin; an account's is a number."""


class AttachProtectedPolicy(Fix["OrganizationPolicy"]):
    """Attach the policy to its targets in the settings, and leave its other targets.

    The state is `{"id": the policy's, "targets": those of the settings that it is attached to, sorted}`: what anybody
    attaches it to besides is neither drift nor undone.
    """

    document = "organizations:policy-targets"
    reads = ("organizations:ListTargetsForPolicy",)
    writes = (*reads, "organizations:AttachPolicy", "organizations:DetachPolicy")
    undo_writes = ("organizations:DetachPolicy",)

    @staticmethod
    def missing(state: State, baseline: Baseline) -> list[str]:
        return sorted({*baseline.require.scps.get(state["id"], ())} - {*state["targets"]})

    def read(self, resource: OrganizationPolicy, aws: Session) -> State:
        organizations: Any = aws.client("organizations")
        pages = organizations.get_paginator("list_targets_for_policy").paginate(PolicyId=resource.id)
        attached = {target["TargetId"] for page in pages for target in page["Targets"]}
        return {"id": resource.id, "targets": sorted(attached & {*aws.baseline.require.scps.get(resource.id, ())})}

    def safe(self, state: State, context: FixContext) -> State:
        return {**state, "targets": sorted({*state["targets"], *context.baseline.require.scps.get(state["id"], ())})}

    def touches(self, resource: OrganizationPolicy, before: State, after: State) -> tuple[Resource | str, ...]:
        begin = f"arn:{partition(resource.region)}:organizations::*"
        targets = sorted({*before["targets"]} ^ {*after["targets"]})
        return tuple(f"{begin}:{_KINDS.get(target.partition('-')[0], 'account')}/*/{target}" for target in targets)

    def write(self, resource: OrganizationPolicy, state: State, aws: Session) -> None:
        """A target that is no more is passed over; the proof then tells that it isn't attached."""
        organizations, now = aws.client("organizations"), set(self.read(resource, aws)["targets"])
        for target in sorted(set(state["targets"]) - now):
            with absent("DuplicatePolicyAttachmentException", "TargetNotFoundException"):
                organizations.attach_policy(PolicyId=resource.id, TargetId=target)
        for target in sorted(now - set(state["targets"])):
            with absent("PolicyNotAttachedException", "TargetNotFoundException"):
                organizations.detach_policy(PolicyId=resource.id, TargetId=target)
