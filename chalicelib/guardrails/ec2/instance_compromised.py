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
    """EC2 instance that GuardDuty says somebody else is at work in, and that can still reach others.

    Such as one that mines, talks to a command server, or runs what it never ran (findings `…:EC2/…` and `…:Runtime/…`
    of severity high or critical). The fix cuts it off and keeps its evidence: a security group without rules on each
    network interface; out of its Auto Scaling group, which replaces it, and of its load balancers; snapshots of its
    volumes. Undo puts all back but keeps the snapshots; its Auto Scaling group is then larger by one. Undo fails there
    when the group is at its maximum size.

    Connections that were open go on until they fall idle: end them with a network ACL, or stop the instance and lose
    its memory. DNS at the VPC's resolver goes on too. Session Manager no longer reaches it; a rule in a security group
    of its own lets the investigators in. Its role's credentials may be elsewhere already: see `iam.sessions_stolen`.
    A port that was only probed is no compromise, and is left to `ec2.security_group_opened_to_internet`.

    Legitimate look-alikes: GuardDuty's sample findings, which name an instance `i-99999999` that isn't there, and
    penetration tests. The first are gone when looked at; exempt or archive the second in GuardDuty beforehand. The
    fix is only for those who name the guardrail.
    """
    state = FIX.read(suspect, aws)
    if FIX.safe(state, FixContext(aws.baseline)) == state:
        return None
    return f"GuardDuty reported it at {suspect.since}, and it is not isolated: {'; '.join(lacking(state))}"
