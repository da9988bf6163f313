"""Its tests are in test_public_sharing.py, with those of images."""

from __future__ import annotations

from tests.guardrails.ec2.public_sharing import Setting

SNAPSHOTS = Setting("snapshot", key="State")
CASE = SNAPSHOTS.case
