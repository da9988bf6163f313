from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.analysis.image_name import untrusted
from chalicelib.core.event import text
from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.resources.awslambda import CODED, Function

if TYPE_CHECKING:
    from chalicelib.core.session import Session


@guardrail(
    severity=Severity.MEDIUM,
    resource=Function,
    on=cloudtrail("lambda", *CODED),
    reads=("lambda:GetFunction",),
)
def image_not_allowed(function: Function, aws: Session) -> str | None:
    """Lambda container image from a registry that isn't allowed.

    Lambda runs images from any account's ECR that shares them. An image from elsewhere is code that nobody here has
    reviewed, with all the permissions of the function's role. `allow.registries` lists allowed registries. The
    account's own ECR is always allowed; while the list is empty, all registries are. Lambda resolves a tag once, at
    deployment, so a tag is as good as a digest. Snapback only reports it: there is no image to use instead.

    Legitimate look-alikes: functions with a vendor's or a partner's image. Only `allow.registries` tells them apart.
    The account's own ECR is always allowed.
    """
    code = aws.client("lambda").get_function(**function.asked).get("Code")
    image = text(code, "ImageUri")
    reason = untrusted(text(code, "ResolvedImageUri") or image, aws.baseline, function.account) if image else None
    return f"its image {image} {reason}" if reason else None
