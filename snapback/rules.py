"""What guardrails, tripwires, fixes and resources are written with: one import, on a laptop, in tests and in Lambda."""

from __future__ import annotations

from chalicelib.core.baseline import Baseline
from chalicelib.core.errors import NotYet
from chalicelib.core.event import Actor, Event, dig, rows, text
from chalicelib.core.partitions import partition
from chalicelib.core.pattern import SCHEDULED, Pattern, any_of, cloudtrail, native
from chalicelib.core.resource import Account, Resource
from chalicelib.core.rule import Fix, FixContext, Guardrail, Tripwire, guardrail, tripwire
from chalicelib.core.session import Prefetched, Session
from chalicelib.core.types import Mode, Severity, State, Status

__all__ = [
    "SCHEDULED",
    "Account",
    "Actor",
    "Baseline",
    "Event",
    "Fix",
    "FixContext",
    "Guardrail",
    "Mode",
    "NotYet",
    "Pattern",
    "Prefetched",
    "Resource",
    "Session",
    "Severity",
    "State",
    "Status",
    "Tripwire",
    "any_of",
    "cloudtrail",
    "dig",
    "guardrail",
    "native",
    "partition",
    "rows",
    "text",
    "tripwire",
]
