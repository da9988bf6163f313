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
    """Lambda layer published by somebody else than the pipeline.

    Functions that take the layer's newest version on their next deployment run what is in it. `allow.deployers` names
    the users and roles that may publish, by ARN; while it names none, anybody may, and nothing is reported. Look at the
    version, and delete it if it isn't yours.

    Legitimate look-alikes: people who publish by hand, and pipelines of other teams. They are told apart by
    `allow.deployers` alone.
    """
    if baseline.deployer(*event.actor_arns):
        return None
    what = event.answered("layerVersionArn") or event.text("layerName") or "a layer"
    return f"{event.actor.name} published {what}"
