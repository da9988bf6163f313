from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import tripwire
from chalicelib.core.types import Severity

if TYPE_CHECKING:
    from chalicelib.core.baseline import Baseline
    from chalicelib.core.event import Event


@tripwire(severity=Severity.MEDIUM, on=cloudtrail("lambda", "PublishLayerVersion"))
def layer_published_by_stranger(event: Event, baseline: Baseline) -> str | None:
    """Lambda layer published outside the pipeline.

    Functions that use the layer's newest version run its code after their next deployment. `allow.deployers` lists the
    ARNs of users and roles that may publish. While it is empty, anybody may publish and Snapback reports nothing. Check
    the version, and delete it if it isn't yours.

    Legitimate look-alikes: people who publish by hand, and pipelines of other teams. Only `allow.deployers` tells them
    apart.
    """
    if baseline.deployer(*event.actor_arns):
        return None
    what = event.answered("layerVersionArn") or event.text("layerName") or "a layer"
    return f"{event.actor.name} published {what}"
