from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.rule import FixContext, guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.ec2.isolate_instance import IsolateInstance, lacking
from chalicelib.resources.ec2.instances import COMPROMISED, Suspect

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = IsolateInstance()


@guardrail(
    severity=Severity.CRITICAL,
    resource=Suspect,
    on=COMPROMISED,
    reads=FIX.reads,
    fix=FIX,
    opt_in=True,
)
def instance_compromised(suspect: Suspect, aws: Session) -> str | None:
    """EC2 instance that GuardDuty reports as compromised, not isolated.

    For example, it mines, contacts a command server, or runs unusual programs (findings `…:EC2/…` and `…:Runtime/…` of
    severity high or critical). The fix isolates the instance and keeps its evidence. It puts a security group without
    rules on each network interface, takes the instance out of its Auto Scaling group, which replaces it, and out of its
    load balancers, and takes snapshots of its volumes. An undo restores everything but keeps the snapshots; the Auto
    Scaling group then has one instance more. The undo fails there when the group is at its maximum size.

    Open connections last until they are idle: end them with a network ACL, or stop the instance and lose its memory.
    DNS through the VPC's resolver still works. Session Manager no longer reaches the instance; allow the investigators
    with a rule in a separate security group. Its role's credentials may already be elsewhere: see
    `iam.sessions_stolen`. A port that was only probed is no compromise; `ec2.security_group_opened_to_internet` covers
    it.

    Legitimate look-alikes: GuardDuty's sample findings, which name a nonexistent instance `i-99999999`, and penetration
    tests. Snapback drops sample findings, because the instance doesn't exist. For penetration tests, exempt the
    instance or archive the findings in GuardDuty beforehand. Snapback fixes this only where the settings name this
    guardrail.
    """
    state = FIX.read(suspect, aws)
    if FIX.safe(state, FixContext(aws.baseline)) == state:
        return None
    return f"GuardDuty reported it at {suspect.since}, and it is not isolated: {'; '.join(lacking(state))}"
