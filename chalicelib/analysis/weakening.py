"""Calls that switch protection off and leave no state to look at: for tripwires, a few lines a service."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from chalicelib.core.baseline import Baseline
    from chalicelib.core.event import Event


def why_weaker(
    event: Event,
    baseline: Baseline,
    calls: Mapping[str, str],
    only_if: Mapping[str, Callable[[Event], bool]] | None = None,
) -> str | None:
    """Who made one of these calls, in words; None if the settings let them, or if `only_if` finds the call harmless.

    `calls` is what each call did, behind the name of who made it.
    """
    if any(map(baseline.principal, event.actor_arns)) or is_pipeline(event, baseline):
        return None
    if (weakens := (only_if or {}).get(event.call)) and not weakens(event):
        return None
    return f"{event.actor.name} {calls[event.call]}"


def is_pipeline(event: Event, baseline: Baseline) -> bool:
    """Whether `allow.deployers` names who made the call; an empty list names nobody here."""
    return bool(baseline.allow.deployers) and baseline.deployer(*event.actor_arns)
