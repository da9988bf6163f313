"""EventBridge rules: at work, and seeing what they were made to see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import EVEN_READS, about_reads
from chalicelib.core.rule import Fix, FixContext
from chalicelib.resources.absent import absent

if TYPE_CHECKING:
    from chalicelib.core.session import Session
    from chalicelib.core.types import State
    from chalicelib.resources.events import Rule

_KEPT = {
    "pattern": "EventPattern",
    "schedule": "ScheduleExpression",
    "description": "Description",
    "role": "RoleArn",
}
"""What PutRule would take away from a rule if it weren't given again, by the state's keys; tags and targets stay."""


class EnableRule(Fix["Rule"]):
    """Enable the rule again.

    The state is `{"exists"}` and, if it exists, `state` as EventBridge names it, `about_reads`: whether its pattern
    asks for calls that only read, which it sees in one of the two enabled states only, and the texts of `_KEPT`.
    """

    document = "events:rule"
    added = tuple(_KEPT)
    reads = ("events:DescribeRule",)
    writes = ("events:DisableRule", "events:EnableRule", "events:PutRule")
    undo_writes = ("events:DisableRule",)

    def read(self, resource: Rule, aws: Session) -> State:
        with absent("ResourceNotFoundException"):
            rule = resource.described(aws)
            kept = {key: rule.get(name) or "" for key, name in _KEPT.items()}
            return {"exists": True, "state": rule["State"], "about_reads": about_reads(kept["pattern"]), **kept}
        return {"exists": False}

    def safe(self, state: State, context: FixContext) -> State:
        if not state["exists"] or state["state"] == EVEN_READS:
            return state
        return {**state, "state": EVEN_READS if state["about_reads"] else "ENABLED"}

    def write(self, resource: Rule, state: State, aws: Session) -> None:
        """EnableRule has no way to say in which state; PutRule has."""
        client, named = aws.client("events"), {"Name": resource.name, "EventBusName": resource.bus}
        if state["state"] == "DISABLED":
            client.disable_rule(**named)
        elif state["state"] == "ENABLED" and not state["about_reads"]:
            client.enable_rule(**named)
        else:
            kept = {name: state[key] for key, name in _KEPT.items() if state[key]}
            client.put_rule(Name=resource.name, EventBusName=resource.bus, **kept, State=state["state"])
