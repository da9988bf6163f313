"""Policies of event buses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.fixes.policy import DropPrincipals
from chalicelib.resources.events import Bus
from chalicelib.resources.look_ups import NETWORKS, ORGANIZATION, reads_of

if TYPE_CHECKING:
    from chalicelib.core.session import Session


class CloseBusPolicy(DropPrincipals[Bus]):
    """Remove unknown principals from the event bus's policy, and leave the other statements."""

    document = "events:bus-policy"
    reads = ("events:DescribeEventBus",)
    writes = ("events:PutPermission", "events:RemovePermission")
    look_ups = (ORGANIZATION, NETWORKS)
    approval_reads = reads_of(*look_ups)

    def get_policy(self, resource: Bus, aws: Session) -> str | None:
        text: str | None = aws.client("events").describe_event_bus(Name=resource.id).get("Policy")
        return text

    def put_policy(self, resource: Bus, text: str, aws: Session) -> None:
        """With `Policy`, the call replaces the whole policy; without it, the call adds a statement."""
        aws.client("events").put_permission(EventBusName=resource.id, Policy=text)

    def delete_policy(self, resource: Bus, aws: Session) -> None:
        aws.client("events").remove_permission(EventBusName=resource.id, RemoveAllPermissions=True)
