"""What may happen to users, roles and groups while a guardrail is at work on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.moto_gaps import policies_of_aws

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.world import World

READS = "arn:aws:iam::aws:policy/AWSBillingReadOnlyAccess"


def remove(world: World) -> None:
    """Delete all there are, with all they have, except the administrator in reserve."""
    iam = world.client("iam")
    for kind, name in list(_there(world)):
        for policy in getattr(iam, f"list_attached_{kind}_policies")(**name)["AttachedPolicies"]:
            getattr(iam, f"detach_{kind}_policy")(**name, PolicyArn=policy["PolicyArn"])
        for inline in getattr(iam, f"list_{kind}_policies")(**name)["PolicyNames"]:
            getattr(iam, f"delete_{kind}_policy")(**name, PolicyName=inline)
        if kind == "user":
            for group in iam.list_groups_for_user(**name)["Groups"]:
                iam.remove_user_from_group(**name, GroupName=group["GroupName"])
        getattr(iam, f"delete_{kind}")(**name)


def attach_reading(world: World) -> None:
    """Attach a policy that only reads to each of them."""
    policies_of_aws("AWSBillingReadOnlyAccess")
    for kind, name in _there(world):
        getattr(world.client("iam"), f"attach_{kind}_policy")(**name, PolicyArn=READS)


def _there(world: World) -> Iterator[tuple[str, dict[str, Any]]]:
    for kind in ("user", "role", "group"):
        for each in getattr(world.client("iam"), f"list_{kind}s")()[f"{kind.title()}s"]:
            name = each[f"{kind.title()}Name"]
            if name != "reserve":
                yield kind, {f"{kind.title()}Name": name}
