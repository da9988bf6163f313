"""How ECR names repositories and images."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from chalicelib.core.partitions import partition

if TYPE_CHECKING:
    from chalicelib.core.event import Event


NAME = re.compile(r"(?=.{2,256}\Z)[a-z0-9]+(?:(?:[._/]|__|-+)[a-z0-9]+)*")
DIGEST = re.compile(r"[A-Za-z0-9_+.-]{1,32}:[A-Fa-f0-9]{32,128}")
"""https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html and …/API_ImageIdentifier.html."""


def in_arn(arn: str | None, event: Event) -> tuple[str | None, str | None]:
    """The repository and the image's digest in an ARN of the event's own account and region, as far as it has them.

    `arn:…:repository/shop/web`, and `…/sha256:…` behind it as Amazon Inspector writes it.
    """
    ours = f"arn:{partition(event.region)}:ecr:{event.region}:{event.account}:repository/"
    if not arn or not arn.startswith(ours):
        return None, None
    name, _, last = arn.removeprefix(ours).rpartition("/")
    return (name, last) if DIGEST.fullmatch(last) else (arn.removeprefix(ours), None)
