"""The command line, with CloudTrail's events of its writes on the emulator's bus, as ministack sends none: `python -m tests.e2e.watched`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3

from tests.e2e.emulator import entry_of
from tests.support.cloudtrail import watched

if TYPE_CHECKING:
    from tests.support.events import Envelope


def main() -> None:
    events = boto3.Session().client("events")

    def report(envelope: Envelope) -> None:
        if events.put_events(Entries=[entry_of(envelope)])["FailedEntryCount"]:
            raise RuntimeError(f"the bus refuses {envelope['detail']['eventName']}")

    boto3.Session = watched(report)  # type: ignore[misc]
    from snapback.cli import main as command_line

    command_line()


if __name__ == "__main__":
    main()
