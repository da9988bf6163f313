"""A member account: its stack's rules forward events to the home account's bus, and functions work there by its roles."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.e2e.day import EXTERNAL_ID, STACK, Clock, when
from tests.e2e.emulator import ROOT, Broken, until
from tests.e2e.trouble import OPENED, open_group
from tests.support.evaluator import ORGANIZATION
from tests.support.events import FRIEND, HOME

if TYPE_CHECKING:
    from tests.e2e.day import Day

_BUCKET = "e2e-members-code"
_REFUSED = 15.0
"""Seconds until the event is sent again: a function may still refuse the account, by settings of a minute before."""


def member(day: Day) -> None:
    """Deployed by the package's own member.json; a change there is put right from here, as published by the step `settings`."""
    s3, cloudformation = (day.emulator.client(service, FRIEND) for service in ("s3", "cloudformation"))
    s3.create_bucket(Bucket=_BUCKET)
    s3.put_object(Bucket=_BUCKET, Key="member.json", Body=(ROOT / "build" / "package" / "member.json").read_bytes())
    given = {
        "ExternalId": EXTERNAL_ID,
        "HomeAccount": HOME,
        "HomeStack": STACK,
        "HomeBus": day.outputs()["MembersBus"],
        "OrganizationId": ORGANIZATION,
    }
    with Clock(day, "the member's stack"):
        cloudformation.create_stack(
            StackName="snapback-member",
            TemplateURL=f"{day.emulator.url}/{_BUCKET}/member.json",
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in given.items()],
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        cloudformation.get_waiter("stack_create_complete").wait(StackName="snapback-member")
    group, event = open_group(day, "of-a-member", FRIEND)
    put = 0.0

    def fixed() -> bool:
        nonlocal put
        if time.time() - put > _REFUSED:
            put = day.emulator.put(event, FRIEND)
        return any(of[1] == "fixed" and group in of[2] for _, of in day.rows())

    until(f"{group} of {FRIEND} to be put right", fixed)
    record = day.become(OPENED, "fixed", arn=group)
    day.took("event to fix, in a member account", when(record, "fixed") - put)
    (found,) = day.emulator.client("ec2", FRIEND).describe_security_groups(GroupIds=[group])["SecurityGroups"]
    if record.account != FRIEND or found["IpPermissions"]:
        raise Broken(f"{group} of {record.account} lets in {found['IpPermissions']}")
    cloudformation.delete_stack(StackName="snapback-member")
    cloudformation.get_waiter("stack_delete_complete").wait(StackName="snapback-member")
    day.snapback("settings", "publish", str(day.write_settings()), "--yes")
