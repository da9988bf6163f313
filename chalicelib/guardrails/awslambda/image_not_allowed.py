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
    """Lambda function of a container image from a registry that the settings don't allow.

    Lambda runs images of any account's ECR that lets it; one from elsewhere is code that nobody here has looked at,
    with all that the function's role may do. Where images may come from is `allow.registries`; the account's own ECR
    always counts, and while none is named, any does. Lambda keeps to the image that a tag named when it was deployed,
    so that a tag is as good as a digest. It is reported, never fixed: there is no image to put in its place.

    Legitimate look-alikes: functions of a vendor's or a partner's image. They are told apart by `allow.registries`
    alone; the account's own ECR always counts as allowed.
    """
    code = aws.client("lambda").get_function(**function.asked).get("Code")
    image = text(code, "ImageUri")
    reason = untrusted(text(code, "ResolvedImageUri") or image, aws.baseline, function.account) if image else None
    return f"its image {image} {reason}" if reason else None
