"""The four flags of S3 Block Public Access, of a bucket and of an account."""

from __future__ import annotations

FLAGS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
ALL_ON = dict.fromkeys(FLAGS, True)


def block(*off: str) -> dict[str, bool]:
    return {flag: flag not in off for flag in FLAGS}
