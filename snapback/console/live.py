"""The console of a real account: what it reads and does, with the operator's own credentials."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any

import msgspec

from chalicelib import catalog
from chalicelib.core.rule import Guardrail
from snapback.console import decisions
from snapback.console.runs import Runs
from snapback.console.sources import LedgerSource
from snapback.errors import Refused
from snapback.render import plain
from snapback.report.result import cards_of, finding_of, line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from chalicelib.core.settings import Settings
    from chalicelib.wiring import Application
    from snapback.console.sources import Page, Wanted
    from snapback.report.result import Result

SOON = timedelta(days=14)
"""How long before its end an exemption is about to expire."""


@dataclass
class Live:
    """`open` makes the application anew, with the credentials that there are by then, and says whose they are."""

    open: Callable[[], tuple[Application, str, Mapping[str, str]]]
    stack: str
    settings: Settings
    settings_path: str = ""
    runs: Runs = field(init=False)

    def __post_init__(self) -> None:
        self.runs = Runs(self.stack, self.settings_path)
        self._acting = Lock()
        self.renew({})

    def renew(self, _: Mapping[str, Any]) -> Any:
        """With new credentials, which may be somebody else's."""
        self.application, self.caller, self._parts = self.open()
        self._ledger = LedgerSource(self.application)
        return self.about()

    def about(self) -> dict[str, Any]:
        region = self.application.dynamodb.meta.region_name
        return {
            "account": self.application.home,
            "region": region,
            "caller": self.caller,
            "stack": self.stack,
            "kind": "ledger",
            "account_names": dict(self.settings.account_names),
        }

    @property
    def reads(self) -> dict[str, Callable[[Mapping[str, str]], Any]]:
        return {"status": self._status, "settings": self._settings, "runs": self._runs, "now": self._now}

    @property
    def acts(self) -> dict[str, Callable[[Mapping[str, Any]], Any]]:
        return {
            "renew": self.renew,
            "act": self._one_by_one(self._act),
            "pause": self._one_by_one(self._pause),
            "resume": self._one_by_one(self._resume),
            "dead-letters": self._one_by_one(self._dead_letters),
            "redrive": self._one_by_one(self._redrive),
            "drop": self._one_by_one(self._drop),
            "run": self._run,
            "stop": self._stop,
        }

    def page(self, wanted: Wanted) -> Page:
        return self._ledger.page(wanted)

    def overview(self, wanted: Wanted) -> tuple[Result, int]:
        return self._ledger.overview(wanted)

    def left_out(self) -> list[str]:
        """The items of the ledger that could not be read since it was last asked."""
        found = [line(str(each)) for each in self.application.unreadable]
        self.application.unreadable.clear()
        return list(dict.fromkeys(found))

    def detail(self, id: str) -> Any:
        record = self.application.ledger.get(id)
        if record is None:
            return None
        finding = msgspec.to_builtins(finding_of(record))
        return {"finding": finding, "cards": cards_of({record.guardrail}), **decisions.shown(record)}

    def close(self) -> None:
        self.runs.close()

    def _one_by_one(self, act: Callable[[Mapping[str, Any]], Any]) -> Callable[[Mapping[str, Any]], Any]:
        def alone(asked: Mapping[str, Any]) -> Any:
            with self._acting:
                return act(asked)

        return alone

    def _act(self, asked: Mapping[str, Any]) -> Any:
        return decisions.decide(self.application, self.caller, asked)

    def _now(self, asked: Mapping[str, str]) -> Any:
        return decisions.as_it_is_now(self.application, asked.get("id", ""))

    def _status(self, _: Mapping[str, str]) -> Any:
        from snapback import deployed
        from snapback.status import health

        found = health(
            self.application,
            *(self._parts.get(queue, "") for queue in (deployed.DEAD_LETTERS, deployed.FAILED_MESSAGES)),
        )
        return {**found.to_json(), "expiring": [each for each in self._exemptions() if each["soon"]]}

    def _exemptions(self) -> list[dict[str, Any]]:
        today = self.application.now().date()
        return [
            {**msgspec.to_builtins(each), "soon": each.expires - today <= SOON, "over": each.expires < today}
            for each in sorted(self.settings.exemptions, key=lambda each: each.expires)
        ]

    def _settings(self, _: Mapping[str, str]) -> Any:
        """Each rule's mode in the home account, and the other keys that are set."""
        modes = []
        for rule in catalog.all_rules():
            mode = self.settings.mode_of(rule, self.application.home, {})
            allowed = self.settings.allowed(rule, mode) if isinstance(rule, Guardrail) else mode
            why = "" if mode == allowed else "it has no fix, can't be undone, or is opt-in"
            modes.append(
                [
                    rule.id,
                    str(allowed),
                    f"set to {mode}; {why}"
                    if why
                    else "by name"
                    if rule.id in self.settings.guardrails
                    else "by default",
                ]
            )
        told = msgspec.to_builtins(self.settings)
        default = msgspec.to_builtins(type(self.settings)())
        others = {
            name: msgspec.json.encode(value).decode()
            for name, value in told.items()
            if value != default[name] and name != "exemptions"
        }
        return {
            "modes": modes,
            "others": others,
            "exemptions": self._exemptions(),
            "path": self.settings_path or "the defaults",
        }

    def _pause(self, asked: Mapping[str, Any]) -> Any:
        why = line(str(asked.get("why", "")).strip())
        if not why:
            raise Refused("say why writes are to be paused")
        self.application.ledger.paused()  # Raises NoLedger.
        self.application.ledger.pause(plain(self.caller), why)
        return {"said": f"All writes are {self.application.ledger.paused()}"}

    def _resume(self, _: Mapping[str, Any]) -> Any:
        was = self.application.ledger.paused()
        if was:
            self.application.ledger.resume(plain(self.caller))
        return {"said": f"Writes are resumed. They were {was}" if was else "Writes were not paused."}

    def _dead_letters(self, _: Mapping[str, Any]) -> Any:
        """A POST, as it hides them from others for a while."""
        from snapback.commands.dlq import queues_of
        from snapback.dlq import received
        from snapback.render import dead_letter_json

        with received(queues_of((), self.stack)) as held:
            pass
        return {
            "dead_letters": [dead_letter_json(each, full=False) for each in held.dead_letters],
            "elsewhere": held.elsewhere,
        }

    def _redrive(self, asked: Mapping[str, Any]) -> Any:
        from snapback.commands.dlq import Again

        again = Again(self.stack, None, local=False)
        return self._with_one(asked, lambda each: again.event(each) if each.event is not None else again.messages(each))

    def _drop(self, asked: Mapping[str, Any]) -> Any:
        return self._with_one(asked, lambda each: f"{each.id[:8]}  deleted")

    def _with_one(self, asked: Mapping[str, Any], do: Callable[[Any], str]) -> Any:
        from snapback.commands.dlq import queues_of
        from snapback.dlq import received

        with received(queues_of((), self.stack)) as held:
            for each in held.dead_letters:
                if each.id == asked.get("id"):
                    done = do(each)
                    held.delete(each)
                    return {"said": done}
        raise Refused("this dead letter is gone, or somebody else is reading it now; list them again")

    def _run(self, asked: Mapping[str, Any]) -> Any:
        return self.runs.start(asked).to_json()

    def _stop(self, asked: Mapping[str, Any]) -> Any:
        run = self.runs.get(asked.get("number"))
        run.process.terminate()
        return {"said": f"run {run.number} is asked to stop"}

    def _runs(self, _: Mapping[str, str]) -> Any:
        return {"runs": [each.to_json() for each in reversed(self.runs.all)]}
