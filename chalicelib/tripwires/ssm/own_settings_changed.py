from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.event import rows
from chalicelib.core.pattern import any_of, cloudtrail
from chalicelib.core.rule import tripwire
from chalicelib.core.snapback_resources import BUT_DEPLOYMENTS, home_of
from chalicelib.core.types import Severity

if TYPE_CHECKING:
    from chalicelib.core.baseline import Baseline
    from chalicelib.core.event import Event

IN_SSM = ("PutParameter", "DeleteParameter", "DeleteParameters", "PutResourcePolicy")
IN_APPCONFIG = (
    "StartDeployment",
    "StopDeployment",
    "UpdateConfigurationProfile",
    "UpdateEnvironment",
    "DeleteConfigurationProfile",
    "DeleteEnvironment",
    "DeleteApplication",
    "CreateExtensionAssociation",
)


@tripwire(
    severity=Severity.HIGH,
    on=any_of(
        cloudtrail("ssm", *IN_SSM, userIdentity=BUT_DEPLOYMENTS),
        cloudtrail("appconfig", *IN_APPCONFIG, userIdentity=BUT_DEPLOYMENTS),
    ),
)
def own_settings_changed(event: Event, baseline: Baseline) -> str | None:
    """Snapback's own settings changed.

    Anyone who may publish settings can turn off every guardrail, exempt themselves, and choose who is notified. If your
    team didn't make the change, publish your own file again (`snapback settings publish` shows the differences), and
    find out who could. New settings can turn off this tripwire too, so an EventBridge rule also reports each change to
    the alarm topic.

    Legitimate look-alikes: `snapback settings publish` by authorized people. Nothing tells it apart: Snapback reports
    each change, so whoever made it gets a confirmation.
    """
    store, _, where = baseline.published.partition(":")
    if event.account != home_of(baseline) or not where or event.region != baseline.stack.split(":")[3]:
        return None
    if store == "ssm":
        names = (event.text("name"), event.text("resourceArn"), *rows(event.detail, "requestParameters", "names"))
        changed = any(isinstance(name, str) and name.rpartition(":parameter")[2] == where for name in names)
    else:
        application = event.text("applicationId") or event.text("ApplicationId")
        tied = (event.text("resourceIdentifier") or event.text("ResourceIdentifier") or "").partition(":application/")
        changed = where.split("/")[0] in {application, tied[2].split("/")[0]}
    return f"{event.actor.name} called {event.name} on {baseline.published}" if changed else None
