"""The names of the metrics that Snapback emits, in CloudWatch's namespace `Snapback`. A new name is one edit here.

The unit of each is a count, unless it says otherwise.
"""

from __future__ import annotations

from enum import StrEnum


class Metric(StrEnum):
    EVALUATIONS = "Evaluations"
    """Resources evaluated by guardrails, and events evaluated by tripwires."""
    EVENT_TO_FIX = "EventToFix"
    """Milliseconds from an event to the proof of its fix."""
    EVENTS_REFUSED = "EventsRefused"
    """Events that are malformed, or of an account that Snapback doesn't look after."""
    SETTINGS_REFUSED = "SettingsRefused"
    """Attempts to load published settings that can't be used."""
    RIGHTS_MISSING = "RightsMissing"
    """Evaluations that Snapback's own policies did not allow."""
    MODELS_READ_WHOLE = "ModelsReadWhole"
    """Service models of botocore that packaging did not trim for a call, and that a function read whole."""
    FAULTS = "Faults"
    """Exceptions that are faults in Snapback; the log has each with its number."""
    MISSED_BY_EVENTS = "MissedByEvents"
    """Findings of a sweep that an event should have reported."""
    PLACES_NOT_LISTED = "PlacesNotListed"
    """Times that a sweep could not list a kind of resource in an account and region; the log says which and why."""
    HEALTHY = "Healthy"
    """Canary events that reached their function."""
    DRAINS = "Drains"
    """Runs of the drain, which sends each minute what was held."""
    MESSAGES_SENT = "MessagesSent"
    """Messages that a channel took."""
    SUMMARIES = "Summaries"
    """Messages sent that sum up several records."""
    MESSAGES_HELD = "MessagesHeld"
    """Messages kept for later: a digest, quiet hours, a flood or a channel that is down."""
    MESSAGES_ELSEWHERE = "MessagesElsewhere"
    """Messages that a fallback channel took."""
    MESSAGES_QUEUED = "MessagesQueued"
    """Messages that no channel took: dead letters."""
    EXPORTS_SENT = "ExportsSent"
    """Records that another tool took, such as Security Hub."""
    EXPORTS_FAILED = "ExportsFailed"
    """Records that another tool refused; Lambda retries them."""


def findings(status: str) -> str:
    """The metric that counts findings of one status."""
    return f"Findings.{status}"
