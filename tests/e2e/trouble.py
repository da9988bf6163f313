"""What operators do when something is wrong: pause, publish settings, look at dead letters, and what a burst does."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from tests.e2e.clock import function
from tests.e2e.day import Clock, when
from tests.e2e.emulator import Broken, until
from tests.support.events import FRIEND, HOME, cloudtrail_event

if TYPE_CHECKING:
    from chalicelib.core.record import Record
    from tests.e2e.day import Day

OPENED = "ec2.security_group_opened_to_internet"
_MANY = 100


def open_group(day: Day, name: str, account: str = HOME) -> tuple[str, Any]:
    """A security group that lets the internet in; answers its id, and the event."""
    ec2 = day.emulator.client("ec2", account)
    group = str(ec2.create_security_group(GroupName=name, Description="opened")["GroupId"])
    rule = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
    asked: Any = {"groupId": group}
    return group, cloudtrail_event("ec2", "AuthorizeSecurityGroupIngress", asked, {"_return": True}, account=account)


def burst(day: Day) -> None:
    """A hundred groups are opened at once: each is put right, and told."""
    made = [open_group(day, f"burst-{number}") for number in range(_MANY)]
    with ThreadPoolExecutor(10) as many:
        put = dict(
            zip([group for group, _ in made], many.map(day.emulator.put, [each for _, each in made]), strict=True)
        )

    def fixed() -> bool:
        return len([0 for _, of in day.rows() if of[1] == "fixed" and of[2].rpartition("/")[2] in put]) == _MANY

    until(f"{_MANY} groups to be put right", fixed)
    for record in day.application.ledger.records("fixed"):  # type: ignore[arg-type]
        if (group := record.arn.rpartition("/")[2]) in put:
            day.took(f"event to fix, {_MANY} at once", when(record, "fixed") - put[group])
            day.hear(record.id, 1)


def pause(day: Day) -> None:
    """While writes are paused, it asks; what was asked is approved by the command line afterwards, and it goes on."""
    day.snapback("pause", "--why", "an exercise")
    asked = decides(day, "asking")
    day.snapback("resume")
    day.snapback("approve", asked.id)
    if day.record(asked.id).status != "fixed":
        raise Broken(f"approved, and {day.record(asked.id).status}")
    decides(day, "fixed")


def settings(day: Day) -> None:
    """Published by the command line, without a deploy: the mode is another within a minute, and back, with a member account."""
    with Clock(day, "new settings in use"):
        day.snapback("settings", "publish", str(day.write_settings(mode="alert")), "--yes")
        decides(day, "alerted")
    day.snapback("settings", "publish", str(day.write_settings(accounts=[FRIEND])), "--yes")
    decides(day, "fixed")


def decides(day: Day, wanted: str) -> Record:
    """Of a new group, as soon as that becomes of one: what is paused or published holds within a minute."""

    def one() -> Record | None:
        number = day.kept["groups"] = day.kept.get("groups", 0) + 1
        group, event = open_group(day, f"another-{number}")
        day.emulator.put(event)
        found = day.become(OPENED, "fixed", "alerted", "asking", arn=group)
        return found if found.status == wanted else None

    found: Record = until(f"a new group to be {wanted}", one)
    return found


def dead_letters(day: Day) -> None:
    """A function whose ledger is gone gives events up; they are listed, shown, handled again, dropped."""
    name, ask = function(day, "GuardEc2"), day.emulator.client("lambda")
    variables = ask.get_function_configuration(FunctionName=name)["Environment"]["Variables"]

    def configure(**changed: str) -> None:
        ask.update_function_configuration(FunctionName=name, Environment={"Variables": {**variables, **changed}})

    configure(SNAPBACK_LEDGER="snapback-nowhere")
    groups = []
    for each in ("given-up", "dropped"):
        group, event = open_group(day, each)
        groups.append(group)
        day.emulator.put(event)
    listed: Any = until("two dead letters", lambda: both(day))
    configure()
    shown = {each["id"]: day.snapback("dlq", "show", each["id"], "--full") for each in listed}
    ids = {group: next(name for name, text in shown.items() if group in text) for group in groups}
    why = "AccessDenied" if day.emulator.iam else "NoLedger"
    if not all(why in each["error"] for each in listed):
        raise Broken(f"the dead letters don't say why: {listed}")
    day.snapback("dlq", "redrive", ids[groups[0]])
    day.become(OPENED, "fixed", arn=groups[0])
    day.snapback("dlq", "drop", ids[groups[1]], "--yes")
    if left := day.given_up():
        raise Broken(f"dead letters are left: {left}")
    day.emulator.forgive()


def both(day: Day) -> Any:
    found = day.given_up()
    return found if len(found) == 2 else None
