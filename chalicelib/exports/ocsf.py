"""OCSF 1.1.0, the version that Security Lake takes: a Detection Finding a step, as JSON lines in Security Lake's layout.

https://schema.ocsf.io/1.1.0/classes/detection_finding
https://docs.aws.amazon.com/security-lake/latest/userguide/custom-sources.html
Security Lake itself wants Parquet: docs/decisions says what stands between.
"""

from __future__ import annotations

import gzip
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.analysis.text import cut, plain
from chalicelib.core.partitions import partition
from chalicelib.core.rule import Tripwire
from chalicelib.core.types import UNDER_WAY
from chalicelib.exports.base import left, why

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from chalicelib.core.record import Record
    from chalicelib.exports.base import ExportedStep

VERSION = "1.1.0"
FOLDER = "ext/snapback"
"""Unless the settings name another prefix than the bucket's root: the one that Security Lake gave the custom source."""
FINDINGS, DETECTION_FINDING = 2, 2004
CREATE, UPDATE, CLOSE = 1, 2, 3
UNKNOWN, NEW, IN_PROGRESS, SUPPRESSED, RESOLVED = 0, 1, 2, 3, 4
_SEVERITIES = {"low": (2, "Low"), "medium": (3, "Medium"), "high": (4, "High"), "critical": (5, "Critical")}
_ACTIVITIES = {CREATE: "Create", UPDATE: "Update", CLOSE: "Close"}
_STATUSES = {UNKNOWN: "Unknown", NEW: "New", IN_PROGRESS: "In Progress", SUPPRESSED: "Suppressed", RESOLVED: "Resolved"}
_CLOSED = {"safe": RESOLVED, "judged": RESOLVED, "exempt": SUPPRESSED}
"""Of `judged`, that it could not be judged is what is resolved; what was found then is another record's finding."""
_OPEN = {"unknown": UNKNOWN}
_AWS_ACCOUNT, _RULE = 10, 1
_AT_ONCE = 8


class Bucket:
    name = "ocsf"

    def __init__(self, client: Any, arn: str, region: str) -> None:
        bucket, _, prefix = arn.split(":", 5)[5].partition("/")
        self._client, self._bucket, self._region = client, bucket, region
        self._prefix = prefix.strip("/") or FOLDER

    def send(self, steps: Sequence[ExportedStep]) -> Mapping[str, str]:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            done = pool.map(self._put, steps)
            return {step.number: reason for step, reason in zip(steps, done, strict=True) if reason}

    def key(self, step: ExportedStep) -> str:
        """One step, one object: sent again, it is put in its own place. `region` is the bucket's, `eventDay` in UTC."""
        day = datetime.fromisoformat(step.message.at).astimezone(UTC)
        folder = f"{self._prefix}/region={self._region}/accountId={step.record.account}/eventDay={day:%Y%m%d}"
        return f"{folder}/{step.message.id}.json.gz"

    def _put(self, step: ExportedStep) -> str:
        line = json.dumps(finding(step), separators=(",", ":")).encode() + b"\n"
        try:
            self._client.put_object(
                Bucket=self._bucket,
                Key=self.key(step),
                Body=gzip.compress(line, mtime=0),
                ContentType="application/x-ndjson",
                ContentEncoding="gzip",
            )
        except (ClientError, BotoCoreError) as error:
            return why(error)
        return ""


def finding(step: ExportedStep) -> dict[str, Any]:
    """The same keys for each step, so that a table over the objects has one shape."""
    record, message = step.record, step.message
    return {
        **_class(step),
        "time": _milliseconds(record.history[-1].at),
        "message": message.headline,
        "metadata": {
            "version": VERSION,
            "uid": message.id,
            "profiles": ["cloud"],
            "product": {"name": "Snapback", "vendor_name": "Snapback"},
        },
        "cloud": {
            "provider": "AWS",
            "region": record.region,
            "account": {"uid": record.account, "type": "AWS Account", "type_id": _AWS_ACCOUNT},
        },
        "finding_info": _finding_info(step),
        "resources": [
            {
                "uid": message.resource,
                "type": record.kind,
                "region": record.region,
                "cloud_partition": partition(record.region),
            }
        ],
        "evidences": [_evidence(record, step)],
        "remediation": {"desc": message.did},
        "unmapped": {
            "status": str(record.status),
            "mode": record.mode,
            "step": message.step,
            "found_by": record.found_by,
            "changes": list(message.changes),
            "controls": list(step.rule.controls) if step.rule else [],
            "calls": list(record.calls),
        },
    }


def _class(step: ExportedStep) -> dict[str, Any]:
    """OCSF's numbers and their names: class, activity, severity and status."""
    record = step.record
    state = left(record.history[-1])
    closed = _CLOSED.get(state)
    activity = CLOSE if closed else CREATE if len(record.history) == 1 else UPDATE
    status = closed or (IN_PROGRESS if state == "asked" or record.status in UNDER_WAY else _OPEN.get(state, NEW))
    severity, severity_name = _SEVERITIES[record.severity]
    return {
        "activity_id": activity,
        "activity_name": _ACTIVITIES[activity],
        "category_uid": FINDINGS,
        "category_name": "Findings",
        "class_uid": DETECTION_FINDING,
        "class_name": "Detection Finding",
        "type_uid": DETECTION_FINDING * 100 + activity,
        "type_name": f"Detection Finding: {_ACTIVITIES[activity]}",
        "severity_id": severity,
        "severity": severity_name,
        "status_id": status,
        "status": _STATUSES[status],
    }


def _finding_info(step: ExportedStep) -> dict[str, Any]:
    record, message = step.record, step.message
    return {
        "uid": f"snapback/{record.id}",
        "title": message.title,
        "desc": message.reason,
        "types": [kind_of(step)],
        "created_time": _milliseconds(record.history[0].at),
        "modified_time": _milliseconds(record.history[-1].at),
        "first_seen_time": int(record.event_time.timestamp() * 1000),
        "analytic": {"type_id": _RULE, "type": "Rule", "uid": record.guardrail, "name": message.title},
    }


def kind_of(step: ExportedStep) -> str:
    """As ASFF sorts findings too, by `namespace/category`."""
    if isinstance(step.rule, Tripwire):
        return "Unusual Behaviors"
    return "Software and Configuration Checks/AWS Security Best Practices"


def _evidence(record: Record, step: ExportedStep) -> dict[str, Any]:
    """Who made the change, by which call, and from where: an address, or a service of AWS by its name."""
    actor = step.message.actor
    operation, _, _ = step.message.event.partition(" at ")
    return {
        "actor": {"user": {"name": actor["name"], "uid": actor["principal"], "account": {"uid": actor["account"]}}},
        "api": {"operation": operation, "request": {"uid": cut(plain(record.event_id), 128)}},
        "src_endpoint": {"ip" if _is_address(actor["source_ip"]) else "svc_name": actor["source_ip"]},
    }


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _milliseconds(at: str) -> int:
    return int(datetime.fromisoformat(at).timestamp() * 1000)
