from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.event import rows, text
from chalicelib.core.pattern import native
from chalicelib.core.rule import tripwire
from chalicelib.core.types import Severity

if TYPE_CHECKING:
    from chalicelib.core.baseline import Baseline
    from chalicelib.core.event import Event

_MOST = 5


@tripwire(
    severity=Severity.CRITICAL,
    on=native("aws.guardduty", "GuardDuty Finding", type=[{"prefix": "AttackSequence:"}]),
)
def attack_sequence_found(event: Event, _: Baseline) -> str | None:
    """GuardDuty attack sequence detected.

    GuardDuty linked many signals over hours or days into one attack: compromised credentials, or data theft from
    buckets, clusters or instances. These are GuardDuty's gravest findings. Each names several resources, so no single
    fix is enough. Follow the finding's signals in GuardDuty; guardrails act on the single findings among them.
    https://docs.aws.amazon.com/guardduty/latest/ug/guardduty-attack-sequence-finding-types.html

    Legitimate look-alikes: GuardDuty's sample findings, and penetration tests. Only the finding's own text tells them
    apart: archive those in GuardDuty.
    """
    found = rows(event.detail, "service", "detection", "sequence", "resources")
    named = [f"{text(each, 'resourceType') or 'resource'} {text(each, 'uid') or '?'}" for each in found]
    more = f" and {len(named) - _MOST} more" if len(named) > _MOST else ""
    about = f" on {', '.join(named[:_MOST])}{more}" if named else ""
    return f"GuardDuty reports {text(event.detail, 'type')}{about}"
