"""What a call shows to be the account's own, though the log begins after it was made."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from snapback.memory_aws import cloudfront

if TYPE_CHECKING:
    from collections.abc import Iterator

    from snapback.replay.presupposed.call import Call

_STACK_SETS = re.compile(r"member\.org\.stacksets\.cloudformation\.amazonaws\.com(\.cn)?")
_MANAGEMENT = re.compile(
    r":iam::([0-9]{12}):role/aws-service-role/stacksets\.cloudformation\.amazonaws\.com"
    r"/AWSServiceRoleForCloudFormationStackSetsOrgAdmin\b"
)


def access_identities(call: Call) -> Iterator[str]:
    """A bucket policy's origin access identities: in doubt they are ours, or a website would be called exposed."""
    for name in re.findall("CloudFront Origin Access Identity ([A-Z0-9]+)", str(call.parameters.get("Policy", ""))):
        cloudfront.identity(call.account, name, call.partition)
        yield f"presupposed CloudFront's origin access identity {name}"


def organization(call: Call, invoked_by: str) -> Iterator[str]:
    """Of a role that StackSets itself made: the account's organization, whose management account the role trusts.

    Only AWS can be `invokedBy` of a record, and with service-managed permissions StackSets comes from that account.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-activate-trusted-access.html
    """
    from moto.organizations.models import organizations_backends

    found = _MANAGEMENT.search(str(call.parameters.get("AssumeRolePolicyDocument", "")))
    if not found or not _STACK_SETS.fullmatch(invoked_by) or call.account in organizations_backends.master_accounts:
        return
    management = found[1]
    backend = organizations_backends[management][call.partition]
    if backend.org is None:
        backend.create_organization(region=call.region, FeatureSet="ALL")
    organizations_backends.master_accounts[call.account] = (management, call.partition)
    yield f"presupposed an organization with the management account {management}"
