"""The SQL that selects what a replay takes from CloudTrail's logs, for logs that outgrow a laptop.

https://docs.aws.amazon.com/athena/latest/ug/cloudtrail-logs.html (a table as AWS's own statement makes it)
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/query-limitations.html (Lake's SQL)
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from chalicelib import catalog
from snapback.errors import Refused
from snapback.replay.choose import services_read

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

Engine = Literal["athena", "lake"]
_NAME = re.compile(r'[A-Za-z0-9_."-]+')
_COLUMNS = (
    "eventversion, useridentity, eventtime, eventsource, eventname, awsregion, sourceipaddress, useragent, errorcode,"
    " errormessage, requestparameters, responseelements, additionaleventdata, requestid, eventid, eventtype, readonly,"
    " recipientaccountid, serviceeventdetails"
)
_READ_ONLY = {"athena": "readonly = 'false'", "lake": "readOnly = false"}


def sql(engine: Engine, source: str, since: datetime | None = None, until: datetime | None = None) -> str:
    """One statement. `source` is the table's name, or the id of the event data store. Raises Refused."""
    if not _NAME.fullmatch(source):
        raise Refused(f"{source!r} is no name of a table or event data store; it has letters, digits and _ . - only")
    lake = engine == "lake"
    times = [
        f"eventTime {sign} '{_time(moment, lake=lake)}'" for sign, moment in ((">=", since), ("<", until)) if moment
    ]
    heard = [f"(eventSource = '{name}' AND eventName IN ({_list(calls)}))" for name, calls in sorted(_heard().items())]
    read = _list(f"{service}.amazonaws.com" for service in services_read())
    matching = [f"(eventSource IN ({read}) AND {_READ_ONLY[engine]} AND errorCode IS NULL)", *heard]
    matching.append(f"{'userIdentity.type' if lake else 'useridentity.type'} = 'Root'")
    where = "\n   OR ".join(matching)
    return "\n".join(
        [
            f"SELECT {'eventJson' if lake else _COLUMNS}",
            f"FROM {source}",
            f"WHERE ({where})",
            *(f"  AND {each}" for each in times),
            "ORDER BY eventTime",
        ]
    )


def _heard() -> dict[str, set[str]]:
    """The calls that rules hear by name, by eventSource; Lambda's may have the API's date behind."""
    found: dict[str, set[str]] = {}
    for rule in catalog.all_rules():
        for one in rule.on.get("$or", [rule.on]):
            detail = one.get("detail", {})
            names = [name for name in detail.get("eventName", ()) if isinstance(name, str)]
            for source in detail.get("eventSource", ()) if names else ():
                if isinstance(source, str):
                    found.setdefault(source, set()).update(names)
    return found


def _list(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in sorted(set(names)))


def _time(moment: datetime, *, lake: bool) -> str:
    """Athena's table keeps times as text; Lake's are timestamps."""
    return f"{moment:%Y-%m-%d %H:%M:%S}" if lake else f"{moment:%Y-%m-%dT%H:%M:%SZ}"
