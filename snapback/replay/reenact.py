"""A successful, mutating CloudTrail record made again, in memory. What can't be is reported, with why, and never guessed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from chalicelib.core.baseline import Baseline
from chalicelib.core.event import dig, parse_time, text
from chalicelib.core.partitions import PARTITIONS
from snapback.errors import CannotReenact
from snapback.replay import direct
from snapback.replay.aliases import Aliases
from snapback.replay.calls import call_of
from snapback.replay.choose import READS
from snapback.replay.presupposed.call import Call
from snapback.replay.presupposed.containers import scanned_image
from snapback.replay.presupposed.presuppose import ABSENT, DEPENDED_ON, LACKING, THERE, Presupposed

if TYPE_CHECKING:
    from snapback.memory_aws.memory import MemoryAws
    from snapback.replay.direct import Effect

_ADDS = re.compile(r"Add|Associate|Attach|Authorize")
_UNDOES = re.compile(r"Delete|Remove|Detach|Revoke|Disassociate|Deregister|Terminate|Release|Deactivate|Untag")
_CREATES = re.compile(r"Create|Register|Import|Run|Put|Upload")
_OWN = "a service's own event, not a call"
LACKS = "the in-memory AWS lacks this call"


@dataclass(frozen=True, slots=True)
class Reenacted:
    """`done` is None for what is no mutating, successful call: there was nothing to do.

    `blind` are the guardrails, as globs, that can't judge what the call is about. `incomplete` says that a call was not
    re-enacted because the record lacks something.
    """

    done: bool | None
    why: str = ""
    blind: frozenset[str] = frozenset()
    incomplete: bool = False


@dataclass
class Reenactor:
    """Makes recorded calls in memory, and knows which id there stands for which in the records."""

    aws: MemoryAws
    aliases: Aliases = field(default_factory=Aliases)
    baseline: Baseline = field(default_factory=Baseline)
    """What of the settings says which buckets and trails there are."""
    calls: int = 0

    def __call__(self, envelope: Mapping[str, Any]) -> Reenacted:
        """Never raises: whatever goes wrong in memory is the reason why a record wasn't re-enacted."""
        detail = envelope.get("detail")
        account, region = text(envelope, "account"), text(detail, "awsRegion") or text(envelope, "region")
        why = "no record of a call: account, region or detail is missing"
        if isinstance(detail, Mapping) and region and account and re.fullmatch("[0-9]{12}", account):
            why = no_call(envelope)
        if why or account is None or region is None or not isinstance(detail, Mapping):
            return Reenacted(None, why)
        if not _is_region(region):
            return Reenacted(False, f"{region!r} is no region of AWS", incomplete=True)
        self.calls += 1
        self.aws.seed(f"{self.calls} {text(detail, 'eventID')}")
        self.aws.moment = parse_time(detail.get("eventTime")) or parse_time(envelope.get("time"))
        try:
            if text(detail, "eventSource") is None:
                return Reenacted(True, scanned_image(self.aws, self.aliases, detail, account, region))
            return self._again(self.aliases.to_memory(detail), account, region)
        except Exception as error:  # noqa: BLE001 - moto and botocore raise anything; it is reported, and the replay goes on
            return Reenacted(False, _describe_error(error), incomplete=getattr(error, "incomplete", False))
        finally:
            self.aws.moment = None

    def _again(self, detail: Mapping[str, Any], account: str, region: str) -> Reenacted:
        blind: set[str] = set()
        if direct.root_key(Call(self.aws, self.aliases, "iam", "", account, region, {}), detail):
            return Reenacted(True, "a key of root's")
        service, operation, parameters = call_of(detail, account, region, blind)
        before = Presupposed(self.aws, self.aliases, service, operation, account, region, parameters, self.baseline)
        before.blind |= blind
        before.ids()
        before.required()
        instead = direct.INSTEAD.get((service, operation))
        answer = self._written(instead, before, detail) if instead else self._called(before)
        if answer is not None:
            self.aliases.learn(detail.get("responseElements"), answer)
            before.implied(detail)
        return Reenacted(True, before.described, frozenset(before.blind))

    @staticmethod
    def _written(instead: Effect, before: Presupposed, detail: Mapping[str, Any]) -> dict[str, Any]:
        """Raises CannotReenact for what isn't there and can't be presupposed."""
        while True:
            try:
                instead(before, detail)
            except KeyError as error:
                if not before.names():
                    raise CannotReenact(f"the in-memory AWS has no {error.args[0]}") from error
            else:
                return {}

    def _called(self, before: Presupposed) -> dict[str, Any] | None:
        """The answer of the call, made again after each thing that it presupposes; None where memory is so already."""
        operation, account = before.operation, before.account
        method: Callable[..., dict[str, Any]] = getattr(
            self.aws.actor(before.service, account, before.region), xform_name(operation)
        )
        answer = None
        while answer is None:
            self.aws.acting = account
            try:
                answer = method(**before.parameters)
            except NotImplementedError:
                raise
            except ParamValidationError as error:
                raise CannotReenact(" ".join(str(error).split()), incomplete=True) from error
            except Exception as error:  # moto's own faults too: it raises KeyError for what isn't there
                code = str(dig(getattr(error, "response", {}), "Error", "Code") or "")
                lacking = LACKING.search(code) if code else not isinstance(error, BotoCoreError)
                if lacking and before.names():
                    continue
                if THERE.search(code) and _CREATES.match(operation) and before.replace():
                    continue
                if DEPENDED_ON.search(code) and _UNDOES.match(operation) and before.force():
                    return None
                if ABSENT.search(code) and _UNDOES.match(operation):
                    before.notes.append("already absent in memory")
                elif THERE.search(code) and _ADDS.match(operation):
                    before.notes.append("already so in memory")
                else:
                    raise
                return None
        return answer


def no_call(envelope: Mapping[str, Any]) -> str:
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
    if detail.get("readOnly") is True or (detail.get("readOnly") is not False and READS.match(name)):
        return "it only reads"
    return ""


def lacks(error: Exception) -> bool:
    """Whether moto doesn't have the call, or with a 404 its service."""
    code = dig(getattr(error, "response", {}), "Error", "Code")
    return isinstance(error, NotImplementedError) or (isinstance(error, ClientError) and str(code) == "404")


def _describe_error(error: Exception) -> str:
    if lacks(error):
        return LACKS
    match error:
        case CannotReenact():
            told = str(error)
        case ClientError():
            code, message = dig(error.response, "Error", "Code"), dig(error.response, "Error", "Message")
            told = f"the in-memory AWS says {code}: {message}"
        case BotoCoreError():
            told = str(error)
        case _:
            told = f"the in-memory AWS broke: {type(error).__name__}: {error}"
    return " ".join(told.split())[:300]


def _is_region(name: str) -> bool:
    """Also one of tomorrow: by its partition's pattern."""
    return any(re.match(each.regions, name) for each in PARTITIONS)
