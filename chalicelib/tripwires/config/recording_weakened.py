from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.analysis.weakening import why_weaker
from chalicelib.core.event import dig
from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import tripwire
from chalicelib.core.types import Severity

if TYPE_CHECKING:
    from chalicelib.core.baseline import Baseline
    from chalicelib.core.event import Event

_CALLS = {
    "DeleteConfigRule": "deleted a rule of AWS Config",
    "DeleteConfigurationRecorder": "deleted AWS Config's recorder",
    "DeleteConformancePack": "deleted a conformance pack of AWS Config",
    "DeleteDeliveryChannel": "deleted AWS Config's delivery channel",
    "DeleteOrganizationConfigRule": "deleted a rule of AWS Config in all accounts",
    "DeleteOrganizationConformancePack": "deleted a conformance pack of AWS Config in all accounts",
    "PutConfigurationRecorder": "set AWS Config to record only some resource types",
    "PutRetentionConfiguration": "shortened the history that AWS Config keeps",
}
_DEFAULT_DAYS = 2557
"""Seven years: https://docs.aws.amazon.com/config/latest/developerguide/delete-config-data-with-retention-period.html."""


@tripwire(severity=Severity.MEDIUM, on=cloudtrail("config", *_CALLS))
def recording_weakened(event: Event, baseline: Baseline) -> str | None:
    """AWS Config recording less, or its rules deleted.

    Nothing in AWS says what AWS Config recorded before, so Snapback only reports who changed it. Restore what is
    missing from your infrastructure code. `config.recorder_stopped` starts a stopped recorder again.

    Legitimate look-alikes: pipelines that manage AWS Config, recorders that leave out types on purpose, and rules that
    Security Hub deletes with a standard. `allow.principals` and `allow.deployers` tell allowed callers apart, and
    Snapback ignores calls by AWS services' own roles.
    """
    return why_weaker(
        event, baseline, _CALLS, {"PutConfigurationRecorder": _is_partial, "PutRetentionConfiguration": _is_short}
    )


def _is_partial(event: Event) -> bool:
    return dig(event.detail, "requestParameters", "configurationRecorder", "recordingGroup", "allSupported") is False


def _is_short(event: Event) -> bool:
    days = dig(event.detail, "requestParameters", "retentionPeriodInDays")
    return isinstance(days, int) and days < _DEFAULT_DAYS
