from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.arns import fits
from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import tripwire
from chalicelib.core.snapback_resources import fixer
from chalicelib.core.types import Severity

if TYPE_CHECKING:
    from chalicelib.core.baseline import Baseline
    from chalicelib.core.event import Event


@tripwire(severity=Severity.HIGH, on=cloudtrail("ecr", "PutImage"))
def release_pushed_by_stranger(event: Event, baseline: Baseline) -> str | None:
    """Release image pushed to ECR outside the pipeline.

    `require.releases` names the release repositories and who may push to each (`pushers`, by the ARN of the user, role
    or session). Without pushers, anybody may push. Image signers push their signatures, so add them to `pushers` too.

    Legitimate look-alikes: a second pipeline, replication, and image signers. Only `pushers` tells them apart.
    """
    repository = event.text("repositoryName") or ""
    release = baseline.release(repository)
    if release is None or not release.pushers or event.text("registryId") not in (None, event.account):
        return None
    ours = f":iam::{event.account}:role/{fixer('ecr')}"  # Snapback's fixer, which gives an image its tags back.
    if event.actor.issuer.endswith(ours) or any(fits(glob, *event.actor_arns) for glob in release.pushers):
        return None
    what = event.text("imageTag") or event.answered("image", "imageId", "imageDigest") or "an image"
    return f"{event.actor.name} pushed {what} to {repository}"
