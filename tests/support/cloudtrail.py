"""What CloudTrail would tell of a program's own calls: as much of it as guardrails read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3

from tests.support.events import cloudtrail_event

if TYPE_CHECKING:
    from collections.abc import Callable

    from botocore.model import OperationModel

    from tests.support.events import Envelope

_READS = ("Get", "List", "Describe", "BatchGet", "Head", "AssumeRole")
_CALLED = {"PutPublicAccessBlock": "PutBucketPublicAccessBlock"}
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/cloudtrail-logging-s3-info.html"""


def watched(report: Callable[[Envelope], object]) -> type[boto3.Session]:
    """A boto3 session whose writes are told of, once AWS has answered."""

    class Watched(boto3.Session):
        def client(self, service: str, *args: Any, **options: Any) -> Any:  # type: ignore[override]
            made = super().client(service, *args, **options)  # type: ignore[call-overload]
            made.meta.events.register("before-parameter-build", _keep)
            made.meta.events.register("after-call", _report)
            return made

    def _report(model: OperationModel, parsed: Any, context: Any, http_response: Any, **_: Any) -> None:
        if http_response.status_code < 300 and not model.name.startswith(_READS):
            report(event_of(model, context["asked"], parsed))

    return Watched


def _keep(params: Any, context: Any, **_: Any) -> None:
    context["asked"] = dict(params)


def event_of(model: OperationModel, asked: Any, answer: Any) -> Envelope:
    source = model.service_model.signing_name
    parameters = _as_logged(asked)
    if source == "s3":
        parameters["bucketName"] = parameters.pop("bucket")
    found = {name: value for name, value in answer.items() if name != "ResponseMetadata"}
    return cloudtrail_event(source, _CALLED.get(model.name, model.name), parameters, _as_logged(found) or None)


def _as_logged(value: Any) -> Any:
    """Names begin with a small letter: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference.html"""
    if isinstance(value, dict):
        return {f"{name[:1].lower()}{name[1:]}": _as_logged(each) for name, each in value.items()}
    return list(map(_as_logged, value)) if isinstance(value, list) else value
