"""S3 bucket policies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.fixes.policy import DropPrincipals
from chalicelib.fixes.s3.bucket_policy import BucketPolicy
from chalicelib.resources.look_ups import ACCESS_IDENTITIES, LOG_DELIVERY, NETWORKS, ORGANIZATION, reads_of
from chalicelib.resources.s3 import Bucket

if TYPE_CHECKING:
    from chalicelib.analysis.policy_access import Grant
    from chalicelib.core.baseline import Baseline
    from chalicelib.core.types import State


class DropUnknownPrincipals(BucketPolicy, DropPrincipals[Bucket]):
    """Remove unknown accounts from the bucket policy, and leave every other byte.

    Everyone is another fix's, so that no two guardrails are about one principal; so are services.
    """

    look_ups = (ORGANIZATION, NETWORKS, ACCESS_IDENTITIES, LOG_DELIVERY)
    approval_reads = reads_of(*look_ups)

    def found(self, state: State, baseline: Baseline) -> list[Grant]:
        return [each for each in super().found(state, baseline) if not each.public]
