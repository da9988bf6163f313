"""`snapback sweep`: what is in an account now. What it would write is shown first, and agreed to."""

from __future__ import annotations

import sys
from contextlib import ExitStack, nullcontext, redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from chalicelib.core.types import Status
from snapback.commands.options import (
    LEFT_UNSAFE,
    deployed_application,
    load_settings,
    mode_option,
    on_interrupt,
    open_json,
    settings_option,
    stack_option,
)
from snapback.commands.report import Reports, report_options, spare
from snapback.errors import BAD, FINE, FOUND, Refused
from snapback.stderr import complain, warn

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from chalicelib.core.rule import Guardrail
    from chalicelib.core.settings import Settings
    from chalicelib.sweep.places import Place
    from chalicelib.wiring import Application
    from snapback.plan import Planned
    from snapback.sweep import Finding, Only, SweepError, SweepTotals
    from snapback.sweep_lock import SweepLock


@click.command(short_help="Evaluate every resource in real AWS.")
@mode_option
@settings_option
@click.option(
    "--guardrail",
    "globs",
    metavar="GUARDRAIL",
    multiple=True,
    help="Only this guardrail, by id or glob; may be repeated.",
)
@click.option(
    "--service", "services", metavar="SERVICE", multiple=True, help="Only guardrails of this service, such as s3."
)
@click.option(
    "--account",
    "accounts",
    metavar="ACCOUNT",
    multiple=True,
    help="Only this account.  [default: your credentials' account, and `accounts` in the settings]",
)
@click.option(
    "--region",
    "regions",
    metavar="REGION",
    multiple=True,
    help="Only this region.  [default: AWS_REGION, `regions` in the settings, and global services]",
)
@click.option(
    "--resource", "names", metavar="RESOURCE", multiple=True, help="Only this resource, by ARN or id; may be repeated."
)
@click.option("--yes", is_flag=True, help="Fix without asking, for scripts.")
@click.option(
    "--plan",
    "plan_to",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write what would be fixed to FILE, and change and record nothing.",
)
@click.option(
    "--apply",
    "apply_from",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Do what a --plan FILE says, as far as each resource is still the same.",
)
@stack_option
@click.option("--create-ledger", is_flag=True, help="Create the ledger's table if it doesn't exist.")
@click.option(
    "--json",
    "json_path",
    metavar="[FILE]",
    is_flag=False,
    flag_value="-",
    help="Write one JSON object per finding to FILE. Without FILE, or with -, write to stdout instead of text.",
)
@report_options()
def sweep(
    mode: str | None,
    settings_path: Path | None,
    globs: tuple[str, ...],
    services: tuple[str, ...],
    accounts: tuple[str, ...],
    regions: tuple[str, ...],
    names: tuple[str, ...],
    yes: bool,
    plan_to: Path | None,
    apply_from: Path | None,
    stack: str,
    create_ledger: bool,
    json_path: str | None,
    **options: Any,
) -> int:
    """Evaluate every guardrail for every resource in real AWS, with your credentials.

    In mode fix, this command first shows what it would fix, then asks. It needs a ledger for that. Without a ledger, it
    only reports. At the end, it lists what it couldn't evaluate. You can stop it and run it again.
    The exit code is 1 if anything unsafe remains, 2 if something could not be evaluated.

    Example: snapback sweep --service s3 --mode fix --plan plan.json, then: snapback sweep --apply plan.json
    """
    from snapback import plan as plans
    from snapback import sweep as library
    from snapback.known import check_places

    reports = Reports.of(options, read := [apply_from] if apply_from else [])
    spare(read, {"--json": json_path})
    check_places(accounts, regions)
    said = {"--plan": plan_to, "--mode": mode, "--guardrail": globs, "--service": services, "--resource": names}
    agreed = _plan_alone(apply_from, [option for option, value in said.items() if value]) if apply_from else None
    if agreed is not None:
        mode, globs = "fix", tuple(sorted({each.guardrail for each in agreed}))
        accounts = accounts or tuple(sorted({each.account for each in agreed}))
        regions = regions or tuple(sorted({each.region for each in agreed}))
    rules = library.chosen(globs, services)
    settings = library.as_asked(load_settings(settings_path), "fix" if plan_to and mode is None else mode, globs)
    application, kept, caller = _with_ledger(settings, mode, stack, create=create_ledger, planning=plan_to is not None)
    home_region = application.dynamodb.meta.region_name
    where = library.places_for(
        application.settings, rules, home=application.home, home_region=home_region, accounts=accounts, regions=regions
    )
    only = plans.chosen(agreed) if agreed is not None else plans.Named(names) if names else None
    run = f"{application.now():%Y-%m-%dT%H:%M:%S.%f}"
    with ExitStack() as files:
        sweeping = _Sweeping(application, where, run, kept, json_path, files, reports, caller)
        sweeping.begin(files, caller if kept and not plan_to else "")
        if not plan_to and not (kept and mode in {None, "fix"}):
            return sweeping.end(sweeping.report(only))
        planned = sweeping.plan(only)
        if agreed is not None:
            planned = sweeping.still(agreed, planned)
        if plan_to:
            return sweeping.write(plan_to, planned)
        if any(each.fixes for each in planned) and not yes and not sweeping.agreed():
            return FOUND
        done = sweeping.carry_out(planned)
    return sweeping.end(done)


def _plan_alone(path: Path, beside: list[str]) -> list[Planned]:
    from snapback import plan

    if "--plan" in beside:
        raise Refused("--plan and --apply exclude each other: make the plan first, then apply it")
    if beside:
        raise Refused(f"--apply does what its plan says; leave out {', '.join(beside)}, or make another plan")
    return plan.read_plan(path)


class _Sweeping:
    """A sweep in two passes: the first plans and only reads; the second records and fixes what the first found."""

    def __init__(
        self,
        application: Application,
        where: dict[Place, list[Guardrail[Any]]],
        run: str,
        kept: bool,
        json_path: str | None,
        files: ExitStack,
        reports: Reports,
        caller: str,
    ) -> None:
        from snapback import plan, render

        self._caller, self._deciding = caller, plan.Deciding(caller, application.settings)
        self._application, self._where, self._run, self._kept = application, where, run, kept
        self._lines, self._text = open_json(files, json_path), json_path != "-"
        self._bar = files.enter_context(render.progress())
        self._findings: list[Finding] = []
        self._unsafe, self._planning, self._reports = False, False, reports
        self._recorded: list[str] = []
        self._errors: set[SweepError] = set()
        self._warned: set[tuple[str, str]] = set()
        self._places, self._writes = 0, False
        self.lock: SweepLock | None = None

    def begin(self, files: ExitStack, writer: str) -> None:
        """Wait for other sweeps, for the sake of a `writer`; an interrupt says what was done."""
        from snapback.sweep_lock import SweepLock

        files.enter_context(on_interrupt(self.so_far))
        if writer:
            self.lock = SweepLock(self._application, f"{writer} (since {self._run[:19]} UTC)")
            files.enter_context(self.lock.held(lambda other: warn(f"waiting for another sweep, by {other}")))

    def so_far(self) -> str:
        """What an interrupt leaves."""
        kept = (
            "what was done is in the ledger (`snapback records`)" if self._writes else "nothing was changed or recorded"
        )
        return f"{self._places} of {len(self._where)} places begun; {kept}; run the sweep again to go on"

    def report(self, only: Only | None) -> SweepTotals:
        """In one pass, where nothing would be fixed."""
        return self._pass(self._where, only, self._on_finding, kept=self._kept)

    def plan(self, only: Only | None) -> list[Planned]:
        """What would be done; `planned` are the totals."""
        from snapback import plan, render

        real = self._application.ledger
        ledger = plan.PlanningLedger(real if self._kept else None, self._deciding)
        self._application.ledger = ledger  # type: ignore[assignment]
        self.planned = self._pass(self._where, only, self._findings.append, kept=False)
        self._application.ledger = real
        known = {each.outcome.record: render.name_in(each.outcome.resource) for each in self._findings}
        self._left = [f"{known[record]}: known, {why}" for record, why in self._deciding.left.items()]
        self._records = ledger.records_opened
        return ledger.planned

    def still(self, agreed: Sequence[Planned], now: Sequence[Planned]) -> list[Planned]:
        """Those of an earlier plan that are the same still; says which aren't."""
        from snapback.plan import Planned
        from snapback.render import plain

        same = set(agreed) & set(now)
        for each in agreed:
            if each.fixes and each not in same:
                self._warned.add((each.guardrail, each.arn))
                warn(f"not the same as in the plan, so left as it is: {each.guardrail} on {plain(each.arn)}")
        self._records = [record for record in self._records if Planned.of(record) in same]
        return list(same)

    def write(self, path: Path, planned: Sequence[Planned]) -> int:
        from snapback import plan
        from snapback.plan_page import plan_page

        self._planning = True
        made = {"made": self._run, "account": self._application.home}
        plan.write_plan(path, planned, made)
        self._show(*plan_page(self._records, self._left))
        self._show("", f"Wrote {path}. Nothing was changed. `snapback sweep --apply {path}` does it.")
        return self.end(self.planned, shown=False)

    def agreed(self) -> bool:
        """Show the plan and ask; the diffs are shown on demand. Raises Refused where nobody can answer."""
        from snapback.plan_page import plan_page, planned_fix

        self._show(*plan_page(self._records, self._left))
        while True:
            try:
                answer = click.prompt("Fix these? [y/N/d for the diffs]", default="n", show_default=False, err=True)
            except click.Abort:
                raise Refused(
                    "nothing was changed: pass --yes to fix without asking, or --plan FILE to keep the plan"
                ) from None
            if str(answer).lower() not in {"d", "diff", "diffs"}:
                break
            for record in self._records:
                if record.status is Status.FIXING:
                    self._show(*planned_fix(record))
        if str(answer).lower() in {"y", "yes"}:
            return True
        click.echo("Nothing was changed or recorded.", err=True)
        return False

    def carry_out(self, agreed: Sequence[Planned]) -> SweepTotals:
        from snapback import plan

        ledger = plan.AgreedLedger(self._application.ledger, agreed, self._deciding)
        self._application.ledger = ledger  # type: ignore[assignment]
        clean = self._where.keys() - self.planned.failed
        found = plan.Chosen(((each.place, each.outcome.resource) for each in self._findings), clean)
        done = self._pass(self._where, found, self._on_finding, kept=True, one_by_one=True)
        for record in ledger.changed:
            if (record.guardrail, record.arn) not in self._warned:
                warn(f"changed since the plan, so left as it is: {record.guardrail} on {record.shown_arn}")
        return done.after_plan(self.planned)

    def end(self, done: SweepTotals, *, shown: bool = True) -> int:
        from snapback import render

        if self._reports:
            self._report(done)
        if self._text and shown:
            render.show(*render.swept(done))
        for why, times in done.errors.most_common():
            complain(f"{why} ({times} times)" if times > 1 else why, BAD)
        unsafe = self._unsafe if shown else bool(self._findings)
        return BAD if done.errors or done.counts["unjudged"] else FOUND if unsafe else FINE

    def _report(self, done: SweepTotals) -> None:
        from snapback.report.sources import swept

        ledger = self._application.ledger
        if self._planning:
            found = self._records
        elif self._kept:
            found = [record for each in dict.fromkeys(self._recorded) if (record := ledger.get(each)) is not None]
        else:
            found = ledger.records_opened  # type: ignore[attr-defined]
        self._reports.write(swept(done, found, account=self._application.home, planned=self._planning))

    def _pass(
        self,
        where: dict[Place, list[Guardrail[Any]]],
        only: Only | None,
        on_finding: Callable[[Finding], None],
        *,
        kept: bool,
        one_by_one: bool = False,
    ) -> SweepTotals:
        from snapback import render
        from snapback import sweep as library

        self._places, self._writes = 0, kept
        task = self._bar.add_task("sweeping", total=len(where))

        def on_place(place: Place) -> None:
            self._places += 1
            if self.lock:
                self.lock.renew()
            self._bar.update(task, advance=1, description=render.plain(f"{place.kind} {place.account} {place.region}"))

        done = library.sweep(
            self._application,
            where,
            self._run,
            kept=kept,
            threads=1 if one_by_one else library.THREADS,
            by=self._caller,
            only=only,
            on_place=on_place,
            on_finding=on_finding,
            on_error=self._on_error,
        )
        if missing := getattr(only, "missing", None):
            raise Refused(f"no resource {', '.join(missing)} in {done.places} places; check --region and --account")
        return done

    def _on_finding(self, finding: Finding) -> None:
        from snapback import render

        finding = replace(finding, left=self._deciding.left.get(finding.outcome.record, ""))
        self._unsafe = self._unsafe or finding.outcome.status in LEFT_UNSAFE | {"duplicate"}
        if finding.outcome.record:
            self._recorded.append(finding.outcome.record)
        if self._lines:
            self._lines.write(render.as_json(finding.to_json()) + "\n")
        if self._text:
            render.show(render.finding_row(finding))

    def _on_error(self, error: SweepError) -> None:
        from snapback import render

        if self._lines and error not in self._errors:
            self._errors.add(error)
            self._lines.write(render.as_json(error.to_json()) + "\n")

    def _show(self, *parts: Any) -> None:
        """For the person, beside what goes into a file."""
        from snapback import render

        with nullcontext() if self._text else redirect_stdout(sys.stderr):
            render.show(*parts)


def _with_ledger(
    settings: Settings, mode: str | None, stack: str, *, create: bool, planning: bool
) -> tuple[Application, bool, str]:
    """The application, whether it keeps records, and the ARN of the credentials. Raises NoLedger where a mode needs one and there is none."""
    from snapback import sweep as library
    from snapback.ledger import make_ledger, require_ledger
    from snapback.replay.replay import quiet

    found, caller, _ = deployed_application(stack, settings=settings)
    application = quiet(found.home, found.settings, table=found.table, spill=found.spill)
    if create:
        with on_interrupt(lambda: "AWS may still create the ledger's table; nothing else was changed"):
            make_ledger(application)
    if application.ledger.exists():
        return application, True, caller
    if planning:
        return application, False, caller
    if mode in {"ask", "fix"}:
        require_ledger(application)
    warn("no ledger, so findings are only reported; --create-ledger creates one")
    return library.without_ledger(application), False, caller
