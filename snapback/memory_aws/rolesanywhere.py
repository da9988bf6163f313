"""IAM Roles Anywhere, which moto lacks: trust anchors and profiles, made, shown, listed, switched and deleted.

https://docs.aws.amazon.com/rolesanywhere/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest.mock import patch
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

from chalicelib.core.partitions import ANY_SUFFIX, partition

if TYPE_CHECKING:
    from collections.abc import Iterator

_HOST = re.compile(rf"https?://rolesanywhere\.([a-z0-9-]+)\.(?:{ANY_SUFFIX})(/[^?]*)")
_PATH = re.compile(r"/(trustanchor|profile)(s|/([^/]+)(?:/(enable|disable))?)")
_NAMES = {"trustanchor": ("trustAnchor", "trust-anchor"), "profile": ("profile", "profile")}
_NOW = "2026-11-23T10:00:00Z"


@contextmanager
def added() -> Iterator[None]:
    """While it lasts, moto answers for it."""
    from moto.core.botocore_stubber import BotocoreStubber

    real = BotocoreStubber.process_request

    def process(self: Any, request: Any) -> Any:
        found = _HOST.match(request.url)
        return _answer(request, found[1], found[2]) if found else real(self, request)

    with patch.object(BotocoreStubber, "process_request", process):
        yield


def _answer(request: Any, region: str, path: str) -> tuple[int, dict[str, str], str]:
    if path == "/ListTagsForResource":
        (arn,) = parse_qs(urlsplit(request.url).query)["resourceArn"]
        every = [each for kept in _kept().values() for each in kept.values()]
        return 200, {}, json.dumps({"tags": next(each.get("tags", []) for each in every if arn in each.values())})
    found, body = _PATH.fullmatch(path), json.loads(request.body or "{}")
    if found is None:
        return 404, {}, json.dumps({"message": f"no {path}"})
    kind, plural, which, switch = found.groups()
    name, in_arn = _NAMES[kind]
    kept = _kept().setdefault((region, kind), {})
    if plural == "s" and request.method == "GET":
        return 200, {}, json.dumps({f"{name}s": list(kept.values())})
    if plural == "s":
        which = str(uuid4())
        arn = f"arn:{partition(region)}:rolesanywhere:{region}:123456789012:{in_arn}/{which}"
        fixed = {f"{name}Id": which, f"{name}Arn": arn, "createdAt": _NOW, "updatedAt": _NOW}
        kept[which] = {"enabled": False, **body, **fixed}
        return 201, {}, json.dumps({name: kept[which]})
    if which not in kept:
        return 404, {"x-amzn-ErrorType": "ResourceNotFoundException"}, json.dumps({"message": f"no {kind} {which}"})
    if switch:
        kept[which]["enabled"] = switch == "enable"
    if request.method == "PATCH":
        kept[which] |= body
    return 200, {}, json.dumps({name: kept.pop(which) if request.method == "DELETE" else kept[which]})


def _kept() -> dict[tuple[str, str], dict[str, Any]]:
    """By region and kind, then by id: held by moto's IAM, with which it is reset."""
    from moto.iam.models import iam_backends

    backend: Any = iam_backends["123456789012"]["aws"]
    kept: dict[tuple[str, str], dict[str, Any]] = vars(backend).setdefault("_snapback_rolesanywhere", {})
    return kept
