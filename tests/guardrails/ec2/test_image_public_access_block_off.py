"""Its tests are in test_public_sharing.py, with those of snapshots."""

from __future__ import annotations

from tests.guardrails.ec2.public_sharing import Setting

IMAGES = Setting("image", key="ImageBlockPublicAccessState")
CASE = IMAGES.case
