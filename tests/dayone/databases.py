"""Tables of a shop, and a pipeline's changes of them. What only caches is neither protected nor recoverable."""

from __future__ import annotations

from typing import Any

TABLES = {"orders": True, "customers": True, "sessions-cache": False}
"""By name, whether the table must not be lost."""
CHANGES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("dynamodb", "UpdateTable", {"tableName": "orders", "billingMode": "PAY_PER_REQUEST"}),
    ("kms", "EnableKeyRotation", {"keyId": "1234abcd-12ab-34cd-56ef-1234567890ac"}),
    (
        "sqs",
        "SetQueueAttributes",
        {"queueUrl": "https://sqs.us-east-1.amazonaws.com/123456789012/shop", "attributes": {"DelaySeconds": "7"}},
    ),
)
"""As CloudTrail records them."""
