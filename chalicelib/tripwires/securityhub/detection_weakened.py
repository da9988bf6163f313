from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.analysis.weakening import why_weaker
from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import tripwire
from chalicelib.core.types import Severity

if TYPE_CHECKING:
    from chalicelib.core.baseline import Baseline
    from chalicelib.core.event import Event

_CALLS = {
    "BatchDisableStandards": "disabled a standard of Security Hub",
    "CreateAutomationRuleV2": "made a rule that changes findings in Security Hub",
    "DeleteMembers": "removed member accounts from Security Hub's administrator",
    "DisableImportFindingsForProduct": "stopped a product's findings from reaching Security Hub",
    "DisableOrganizationAdminAccount": "removed Security Hub's administrator of the organization",
    "DisableSecurityHub": "switched Security Hub off",
    "DisableSecurityHubFeatureV2": "switched a feature of Security Hub off",
    "DisableSecurityHubV2": "switched Security Hub off",
    "DisassociateFromAdministratorAccount": "left Security Hub's administrator",
    "DisassociateFromMasterAccount": "left Security Hub's administrator",
    "DisassociateMembers": "removed member accounts from Security Hub's administrator",
    "StartConfigurationPolicyAssociation": "gave accounts another configuration policy of Security Hub",
    "StartConfigurationPolicyDisassociation": "took a configuration policy of Security Hub from accounts",
    "UpdateAutomationRuleV2": "changed a rule that changes findings in Security Hub",
}
_SETTINGS = {
    "BatchUpdateAutomationRules": "changed a rule that suppresses findings in Security Hub",
    "BatchUpdateStandardsControlAssociations": "disabled controls of Security Hub",
    "CreateAutomationRule": "made a rule that suppresses findings in Security Hub",
    "UpdateConfigurationPolicy": "changed what Security Hub evaluates in the organization",
    "UpdateOrganizationConfiguration": "changed what Security Hub evaluates in new accounts",
    "UpdateSecurityHubConfiguration": "changed which controls Security Hub enables",
    "UpdateStandardsControl": "disabled a control of Security Hub",
}
"""Reported where something in the call is off."""


@tripwire(severity=Severity.HIGH, on=cloudtrail("securityhub", *_CALLS, *_SETTINGS))
def detection_weakened(event: Event, baseline: Baseline) -> str | None:
    """Security Hub turned off or weakened.

    Controls that are off report nothing, and suppressed findings disappear from view. Turn on again what you need, and
    check what happened in between. If `require.detection` names securityhub, `securityhub.hub_off` turns the hub on.

    Legitimate look-alikes: the security team disables controls that don't fit and suppresses known findings.
    `allow.principals` and `allow.deployers` tell allowed callers apart. Snapback ignores updates that turn nothing off.
    """
    return why_weaker(event, baseline, _CALLS | _SETTINGS, settings=_SETTINGS)
