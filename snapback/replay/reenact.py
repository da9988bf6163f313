"""A successful, mutating CloudTrail record made again, in memory. What can't be is reported, with why, and never guessed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.core.event import dig, parse_time, text
from snapback.errors import CannotReenact
from snapback.memory_aws.memory import loader
from snapback.replay.aliases import Aliases
from snapback.replay.calls import call_of
from snapback.replay.presupposed.containers import scanned_image
from snapback.replay.presupposed.presuppose import ABSENT, LACKING, THERE, Presupposed

if TYPE_CHECKING:
    from snapback.memory_aws.memory import MemoryAws

_READS = re.compile(
    r"(Get|List|Describe|Head|Lookup|BatchGet|Search|Query|Scan|Select|Test|Simulate|Check|Validate)[A-Z]"
)
_ADDS = re.compile(r"Add|Associate|Attach|Authorize")
_UNDOES = re.compile(r"Delete|Remove|Detach|Revoke|Disassociate|Deregister|Terminate|Release|Deactivate|Untag")
_OWN = "a service's own event, not a call"


@dataclass(frozen=True, slots=True)
class Reenacted:
    """`done` is None for what is no mutating, successful call: there was nothing to do."""

    done: bool | None
    why: str = ""


@dataclass
class Reenactor:
    """Makes recorded calls in memory, and knows which id there stands for which in the records."""

    aws: MemoryAws
    aliases: Aliases = field(default_factory=Aliases)
    calls: int = 0

    def __call__(self, envelope: Mapping[str, Any]) -> Reenacted:
        """Never raises: whatever goes wrong in memory is the reason why a record wasn't re-enacted."""
        detail = envelope.get("detail")
        account, region = text(envelope, "account"), text(detail, "awsRegion") or text(envelope, "region")
        why = "no record of a call: account, region or detail is missing"
        if isinstance(detail, Mapping) and region and account and re.fullmatch("[0-9]{12}", account):
            why = _no_call(envelope)
        if why or account is None or region is None or not isinstance(detail, Mapping):
            return Reenacted(None, why)
        if region not in _regions():
            return Reenacted(False, f"{region!r} is no region that boto3 knows")
        self.calls += 1
        self.aws.seed(f"{self.calls} {text(detail, 'eventID')}")
        try:
            if text(detail, "eventSource") is None:
                return Reenacted(True, scanned_image(self.aws, self.aliases, detail, account, region))
            return self._again(self.aliases.to_memory(detail), account, region)
        except Exception as error:  # noqa: BLE001 - moto and botocore raise anything; it is reported, and the replay goes on
            return Reenacted(False, _describe_error(error))

    def _again(self, detail: Mapping[str, Any], account: str, region: str) -> Reenacted:
        service, operation, parameters = call_of(detail, account, region)
        before = Presupposed(self.aws, self.aliases, service, operation, account, region, parameters)
        before.ids()
        method = getattr(self.aws.actor(service, account, region), xform_name(operation))
        answer = None
        while answer is None:
            self.aws.acting = account
            try:
                answer = method(**before.parameters)
            except NotImplementedError:
                raise
            except Exception as error:  # moto's own faults too: it raises KeyError for what isn't there
                code = str(dig(getattr(error, "response", {}), "Error", "Code") or "")
                lacking = LACKING.search(code) if code else not isinstance(error, BotoCoreError)
                if lacking and before.names():
                    continue
                if ABSENT.search(code) and _UNDOES.match(operation):
                    before.notes.append("already absent in memory")
                elif THERE.search(code) and _ADDS.match(operation):
                    before.notes.append("already so in memory")
                else:
                    raise
                return Reenacted(True, before.described)
        self.aliases.learn(detail.get("responseElements"), answer)
        before.implied(parse_time(detail.get("eventTime")), text(detail, "userIdentity", "invokedBy") or "")
        return Reenacted(True, before.described)


def _no_call(envelope: Mapping[str, Any]) -> str:
    """Why an event is nothing to re-enact, or ''."""
    detail = envelope["detail"]
    name, kind = text(detail, "eventName") or "", text(detail, "eventType")
    if text(detail, "eventSource") is None:
        scanned = envelope.get("detail-type") == "ECR Image Scan" and text(detail, "scan-status") == "COMPLETE"
        return "" if scanned else _OWN
    if failed := text(detail, "errorCode") or text(detail, "errorMessage"):
        return f"the call failed: {failed}"
    if kind == "AwsConsoleSignIn" or detail.get("eventSource") == "signin.amazonaws.com":
        return "a sign-in, not a call"
    if kind not in (None, "AwsApiCall", "AwsConsoleAction"):
        return _OWN
    if detail.get("readOnly") is True or (detail.get("readOnly") is not False and _READS.match(name)):
        return "it only reads"
    return ""


def _describe_error(error: Exception) -> str:
    match error:
        case CannotReenact():
            told = str(error)
        case ClientError():
            code, message = dig(error.response, "Error", "Code"), dig(error.response, "Error", "Message")
            missing = str(code) == "404"  # What moto answers for a service that it doesn't have.
            told = (
                "the in-memory AWS lacks this service or call"
                if missing
                else f"the in-memory AWS says {code}: {message}"
            )
        case NotImplementedError():
            told = "the in-memory AWS lacks this call"
        case BotoCoreError():
            told = str(error)
        case _:
            told = f"the in-memory AWS broke: {type(error).__name__}: {error}"
    return " ".join(told.split())[:300]


@lru_cache(maxsize=1)
def _regions() -> frozenset[str]:
    found = loader().load_data("endpoints")["partitions"]
    return frozenset(region for each in found for region in each["regions"])
