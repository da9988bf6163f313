"""CloudFront's origin access identities, which moto lacks: made and listed.

https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_ListCloudFrontOriginAccessIdentities.html
"""

from __future__ import annotations

import hashlib
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

if TYPE_CHECKING:
    from collections.abc import Iterator

_PATH = "{0}/2020-05-31/origin-access-identity/cloudfront$"


@contextmanager
def added() -> Iterator[None]:
    """While it lasts, moto answers for them."""
    from moto.cloudfront.responses import CloudFrontResponse
    from moto.cloudfront.urls import url_paths

    with ExitStack() as stack:
        stack.enter_context(patch.dict(url_paths, {_PATH: CloudFrontResponse.dispatch}))
        for name, answer in (
            ("create_cloud_front_origin_access_identity", _create),
            ("list_cloud_front_origin_access_identities", _list),
        ):
            stack.enter_context(patch.object(CloudFrontResponse, name, answer, create=True))
        yield


def identity(account: str, id: str, partition: str = "aws") -> dict[str, str]:
    """Make the identity of this id, or find it."""
    from moto.cloudfront.models import cloudfront_backends

    kept = vars(cloudfront_backends[account][partition]).setdefault("identities", {})
    user = hashlib.sha256(id.encode()).hexdigest()
    found: dict[str, str] = kept.setdefault(id, {"Id": id, "S3CanonicalUserId": user, "Comment": ""})
    return found


def _create(self: Any) -> Any:
    from moto.core.responses import ActionResult

    config = self._get_param("CloudFrontOriginAccessIdentityConfig", {})
    name = "E" + hashlib.sha256(config["CallerReference"].encode()).hexdigest()[:13].upper()
    made = identity(self.current_account, name, self.partition)
    made["Comment"] = config["Comment"]
    shown = {name: made[name] for name in ("Id", "S3CanonicalUserId")}
    return ActionResult(
        {"CloudFrontOriginAccessIdentity": {**shown, "CloudFrontOriginAccessIdentityConfig": config}, "ETag": name}
    )


def _list(self: Any) -> Any:
    from moto.core.responses import ActionResult

    items = [*vars(self.backend).get("identities", {}).values()]
    counts = {"Marker": "", "MaxItems": 100, "IsTruncated": False, "Quantity": len(items)}
    return ActionResult({"CloudFrontOriginAccessIdentityList": {**counts, **({"Items": items} if items else {})}})
