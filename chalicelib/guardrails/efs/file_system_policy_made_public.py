from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import analyzed, any_of, cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.efs.close_file_system_policy import CloseFileSystemPolicy
from chalicelib.resources.efs import FileSystem

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = CloseFileSystemPolicy()


@guardrail(
    severity=Severity.HIGH,
    resource=FileSystem,
    on=any_of(cloudtrail("elasticfilesystem", "PutFileSystemPolicy"), analyzed("AWS::EFS::FileSystem")),
    reads=FIX.why_reads,
    fix=FIX,
)
def file_system_policy_made_public(file_system: FileSystem, aws: Session) -> str | None:
    """EFS file system open to everyone or an unknown account.

    Outsiders can mount the file system, or call EFS's API for it, as far as the policy lets them. A client also has to
    reach a mount target: security groups and peerings say who does. EFS calls a statement for everyone public, unless it
    demands `elasticfilesystem:AccessedViaMountTarget`, as the policies of EFS's console do; Snapback agrees. EFS has no
    setting that blocks public policies: it only refuses AWS Transfer Family servers of other accounts then. The KMS key
    changes nothing, because EFS itself decrypts for every client.

    The fix removes the unknown principals, and each statement that has no other principal. The rest of the text stays.
    Without a policy, EFS serves everyone who reaches a mount target: if no statement is left, the fix writes a policy
    for the account alone. Changes take several minutes to reach clients.

    Legitimate look-alikes: the console's policies, and policies for accounts of the organization. Snapback asks AWS about
    the account's organization and VPC endpoints; where AWS refuses the look-up, Snapback asks before it fixes. A file
    system without a policy is not evaluated.
    """
    return FIX.why(file_system, aws)
