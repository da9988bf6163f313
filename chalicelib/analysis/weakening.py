"""Calls that switch protection off and leave no state to look at: for tripwires, a few lines a service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from chalicelib.core.event import dig

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from chalicelib.core.baseline import Baseline
    from chalicelib.core.event import JSON, Event

_OFF = ("DISABLED", "NONE", "SUPPRESSED")


def why_weaker(
    event: Event,
    baseline: Baseline,
    calls: Mapping[str, str],
    only_if: Mapping[str, Callable[[Event], bool]] | None = None,
    settings: Iterable[str] = (),
) -> str | None:
    """Who made one of these calls, in words; None if the settings let them, or if AWS made it for itself.

    `calls` is what each call did, behind the name of who made it. `only_if` and `settings` are calls that may be
    harmless: `only_if` answers whether it isn't, and one of `settings` weakens what it switches off.
    """
    if any(map(baseline.principal, event.actor_arns)) or is_pipeline(event, baseline) or _is_of_aws(event):
        return None
    if (weakens := (only_if or {}).get(event.call)) and not weakens(event):
        return None
    if event.call in settings and not _switches_off(dig(event.detail, "requestParameters")):
        return None
    return f"{event.actor.name} {calls[event.call]}"


def is_pipeline(event: Event, baseline: Baseline) -> bool:
    """Whether `allow.deployers` names who made the call; an empty list names nobody here."""
    return bool(baseline.allow.deployers) and baseline.deployer(*event.actor_arns)


def _is_of_aws(event: Event) -> bool:
    """Whether a service's own role made the call: nobody else can make a role on that path, or assume it."""
    return ":role/aws-service-role/" in event.actor.issuer


def _switches_off(asked: JSON) -> bool:
    """Whether anything in the call is off: a detector, a feature, a control."""
    if isinstance(asked, Mapping):
        return any(each is False or each in _OFF or _switches_off(each) for each in asked.values())
    return isinstance(asked, list) and any(map(_switches_off, asked))
