"use strict";
(() => {
  const WORDS = { approve: "Approve the fix", fix: "Fix", retry: "Try the fix again", undo: "Undo the fix", "undo-anyway": "Undo, keep others' changes", exempt: "Exempt" };
  const main = document.getElementById("main"), tabs = document.getElementById("tabs"), trouble = document.getElementById("trouble");
  const known = { cards: Object.create(null), statuses: {}, kinds: {}, tools: {} };
  let about = null, form = null, search = null;

  async function ask(path, body) {
    const headers = { "X-Snapback-Key": localStorage.getItem("key") || "" };
    let answer;
    try {
      answer = await fetch(path, body === undefined ? { headers } : { method: "POST", headers: { ...headers, "Content-Type": "application/json" }, body: JSON.stringify(body) });
    } catch {
      throw { error: "the console doesn't answer: it was ended in its terminal, or the machine slept; start `snapback console` again" };
    }
    const told = await answer.json();
    if (!answer.ok) throw told;
    return told;
  }

  // An error keeps the page as it is. New credentials are taken without losing it.
  function tell(error) {
    if (error instanceof Error) console.error(error);
    const again = error.kind === "credentials" && about ? el("button", { type: "button", click: renew }, "I have new credentials: go on") : null;
    put(trouble, el("div", { class: "wrong" }, el("p", {}, error.error || String(error)), again,
      el("button", { type: "button", class: "second", click: () => put(trouble) }, "Close this message")));
    return null;
  }

  async function renew() {
    try {
      const was = about.caller;
      Object.assign(about, await ask("/api/renew", {}));
      head();
      put(trouble, el("p", { class: "note", role: "status" }, was === about.caller ? "The new credentials work. Repeat what you did." : "You are somebody else now: " + about.caller));
    } catch (error) { tell(error); }
  }

  const attempt = (work) => async (event) => {
    if (event) event.preventDefault();
    try { await work(event); } catch (error) { tell(error); }
  };

  function button(text, work, more = {}) {
    return el("button", { type: "button", ...more, click: attempt(work) }, text);
  }

  // One question before anything changes. Answers the fields of its form, or null.
  function confirm(title, ...content) {
    return new Promise((answered) => {
      const form = el("form", { method: "dialog" }, el("h2", { id: "question" }, title), content, el("p", {}, el("button", { value: "yes" }, title),
        el("button", { type: "button", class: "second", click: () => dialog.close("") }, "Cancel")));
      const dialog = el("dialog", { "aria-labelledby": "question" }, form);
      dialog.addEventListener("close", () => { const yes = dialog.returnValue === "yes"; dialog.remove(); answered(yes ? Object.fromEntries(new FormData(form)) : null); });
      document.body.append(dialog);
      dialog.showModal();
    });
  }

  // One form for the list and the overview, which keeps what was asked for. `search` asks again.
  function filters() {
    const people = Object.entries(about.statuses).filter(([, each]) => each.person).map(([name]) => name);
    const select = (name, text, ...options) => el("label", {}, text, el("select", { name }, el("option", { value: "" }, "any"), options));
    const field = (name, text, more = {}) => el("label", {}, text, el("input", { name, autocomplete: "off", ...more }));
    const made = el("form", { class: "filters", "aria-label": "Filters" }, el("label", { class: "search" }, "Search", el("input", { type: "search", name: "text", autocomplete: "off" })),
      select("status", "Status", el("option", { value: people.join(",") }, "needs a person"), Object.keys(about.statuses).map((each) => el("option", { value: each }, spaced(each)))),
      select("severity", "Severity", about.severities.map((each) => el("option", {}, each))),
      fold("More filters", el("div", { class: "filters" }, field("guardrail", "Guardrails (ids or globs)", { list: "rules" }), el("datalist", { id: "rules" }, about.rules.map((each) => el("option", { value: each }))),
        field("account", "Accounts"), field("region", "Regions"), field("actor", "Changed by (a part of the name)"), field("tool", "Tool, such as Terraform"),
        field("since", "Since (UTC): 2026-03-20, 24h or 7d"), field("until", "Until (UTC)"))),
      el("button", {}, "Search"), el("button", { type: "reset", class: "second" }, "Show all"));
    made.addEventListener("submit", attempt(() => search()));
    made.addEventListener("reset", attempt(async (event) => { event.preventDefault(); clear(made); await search(); }));
    return made;
  }

  const asked = () => Object.fromEntries(new FormData(form));

  const leftOut = (found) => found.left_out.map((each) => el("p", { class: "wrong" }, "Left out: " + each));

  // The report's own sections, of the latest records that fit the filters.
  function overviewPart() {
    const place = el("div", {}, el("p", {}, "One moment …")), said = el("p", { role: "status", id: "count" });
    search = async () => {
      const data = await ask("/api/overview?" + new URLSearchParams(asked()));
      Object.assign(known.cards, data.cards);
      const findings = findingsOf(data), counts = countsOf(data, known);
      said.textContent = number(findings.length) + " findings" + (data.latest ? " fit, of the latest " + number(data.latest) + " records. Older records are not counted here; `snapback records --limit 10000 --html FILE` writes a report of them." : ".");
      put(place, leftOut(data), counts.sections, readOut(data, findings, known, (id, text) => el("a", { href: "#" + id, click: (event) => { event.preventDefault(); history.pushState(null, "", "#" + id); show("findings"); } }, text)));
      const fields = asked();
      counts.show(findings, [], fields.account ? { ...fields, account: accountIn(fields.account, known) } : fields, (name, value) => attempt(async () => {
        const was = fields[name];
        form.elements[name].value = value === "not known" ? "" : name === "account" ? value.split(" ")[0] : value;
        (await search()).focus(name, value || was);
      })());
      return counts;
    };
    attempt(search)();
    return [section("overview", "Overview", form, said), place];
  }

  // Findings, a page at a time.
  function findingsPart() {
    const list = el("ol", { class: "list" }), count = el("p", { role: "status", id: "count" }), more = el("p");
    let total = 0, read = 0, cursor = "";
    const load = async (anew) => {
      if (anew) { total = read = 0; cursor = ""; put(list); }
      const fields = asked(), page = await ask("/api/findings?" + new URLSearchParams({ ...fields, cursor }));
      Object.assign(known.cards, page.cards);
      const items = page.findings.map((each) => item({ ...EMPTY, ...each }));
      list.append(...items);
      total += page.findings.length; read += page.read; cursor = page.cursor;
      count.textContent = total || cursor ? number(total) + " findings shown" + (cursor ? "; " + number(read) + " records looked through, and there are more" : "") : "No findings" + (Object.values(fields).some(Boolean) ? " fit these filters." : ": nothing unsafe was recorded.");
      put(more, leftOut(page), cursor ? button("Show more", async () => { const first = await load(false); first?.querySelector("summary").focus(); }, { class: "second" }) : []);
      return items[0];
    };
    search = () => load(true);
    // `#record` in the address finds that record, whatever the filters were.
    const id = location.hash.slice(1), isRecord = /^[a-z0-9]+\.[0-9a-f]{16}$/.test(id);
    if (isRecord) { clear(form); form.elements.text.value = id; }
    attempt(async () => { const first = await load(true); if (isRecord && first) first.querySelector("details").open = true; })();
    return section("findings", "Findings", form, count, list, more);
  }

  function item(finding) {
    const details = el("details", {}, findingLine(finding, known)), place = el("div"), said = el("p", { role: "status" });
    const load = async () => {
      const found = await ask("/api/finding?id=" + encodeURIComponent(finding.id));
      Object.assign(known.cards, found.cards);
      const now = { ...EMPTY, ...found.finding };
      details.querySelector("summary").replaceWith(findingLine(now, known));
      const live = el("div"), open = details.open;
      put(place, said, actions(now, found, load, said), about.read_only ? null : el("p", {}, button("Compare with AWS now", async () => {
        const state = await ask("/api/now?id=" + encodeURIComponent(finding.id));
        put(live, el("h3", {}, "Now"), el("p", { role: "status" }, state.said), state.changes.length ? el("pre", {}, state.changes.map(changedLine)) : el("p", { class: "soft" }, "No difference from what the record holds."));
      }, { class: "second" })), live, findingDetails(now, known).flat(Infinity).filter(Boolean));
      details.open = open;
    };
    details.append(place);
    details.addEventListener("toggle", () => { if (details.open && !place.childElementCount) attempt(load)(); });
    return el("li", { id: finding.id }, details);
  }

  function actions(finding, found, load, said) {
    return el("p", {}, found.actions.map((action) => button(WORDS[action], async (event) => {
      const fields = await confirm(WORDS[action], el("p", {}, nameIn(finding.resource) + ": " + finding.reason),
        action === "exempt" ? exemption() : [el("p", { class: "soft" }, finding.did), el("pre", {}, (found.offer.length ? found.offer : action.startsWith("undo") ? finding.changes.map(turned) : finding.changes).map(changedLine))]);
      if (!fields) return;
      said.textContent = "One moment: " + WORDS[action].toLowerCase() + " …";
      try {
        said.textContent = (await ask("/api/act", { ...fields, action, record: finding.id, seen: found.seen[action] })).said;
        put(trouble);
      } catch (error) {
        said.textContent = "";
        tell(error);
      }
      await load();
      said.closest("details").querySelector("summary").focus();
    }, action === "exempt" ? { class: "second" } : {})));
  }

  const turned = (line) => (line.startsWith("- ") ? "+ " : line.startsWith("+ ") ? "- " : "") + line.replace(/^[-+] /, "");

  function exemption() {
    return [el("p", {}, el("label", {}, "For how long ", el("select", { name: "days" }, [1, 7, 30].map((each) => el("option", { value: each }, each + (each === 1 ? " day" : " days"))), el("option", { value: "date" }, "until a date")))),
      el("p", {}, el("label", {}, "Date, if until a date ", el("input", { name: "date", type: "date" }))),
      el("p", {}, el("label", {}, "Reason ", el("textarea", { name: "reason", required: true, minlength: 3, maxlength: 300 })))];
  }

  // Status, and the switch for all writes.
  function statusPart() {
    const place = el("div", {}, el("p", {}, "One moment …"));
    const load = async () => {
      const told = await ask("/api/status"), said = el("p", { role: "status" });
      const change = async (path, body) => { said.textContent = (await ask(path, body)).said; const now = said.textContent; await load(); put(place, el("p", { class: "note", role: "status" }, now), [...place.childNodes]); };
      const counts = Object.entries(told).filter(([name, value]) => typeof value === "number" && name !== "under_way");
      put(place, said, figures([...counts.map(([name, value]) => [spaced(name), value]), ["under way", told.under_way]]),
        pairs({ Writes: told.paused || "on", "Dead letters": told.dead_letters === null ? "unknown: no stack " + about.stack + " in this region" : "", "Canary": told.canary.silent ? "silent: see the logs of canary and canary_echo" : told.canary.answered_at ? "answered " + time(told.canary.answered_at) + " UTC" : "none answered yet", Settings: told.settings }),
        Object.keys(told.held).length ? table("Messages held", ["Channel", "Messages", "Why"], Object.entries(told.held).map(([name, each]) => [name, number(each.messages), each.why || "waiting"])) : null,
        told.paused ? button("Resume writes", async () => { if (await confirm("Resume writes", el("p", {}, "Writes are " + told.paused))) await change("/api/resume", {}); })
          : button("Pause all writes", async () => { const fields = await confirm("Pause all writes", el("p", {}, "No function writes until somebody resumes. Functions ask instead of fixing."), el("label", {}, "Why ", el("input", { name: "why", required: true, maxlength: 300 }))); if (fields) await change("/api/pause", fields); }),
        el("h3", {}, "Exemptions that are about to expire"), exemptionsTable(told.expiring));
    };
    attempt(load)();
    return section("status", "Status", place);
  }

  function exemptionsTable(some) {
    return some.length ? table("Exemptions", ["Guardrail", "Resource", "Actor", "Until", "Owner", "Reason"], some.map((each) => [each.guardrail, each.resource || "*", each.actor || "*", each.expires + (each.over ? " (over)" : ""), each.owner, each.reason])) : el("p", { class: "soft" }, "None.");
  }

  function deadPart() {
    const list = el("ul", { class: "plain" }), said = el("p", { role: "status" });
    const load = async () => {
      const told = await ask("/api/dead-letters", {});
      said.textContent = told.dead_letters.length ? "" : "No dead letters." + (told.elsewhere ? " About " + told.elsewhere + " are read by somebody else now." : "");
      put(list, told.dead_letters.map((each) => el("li", {}, el("h3", {}, each.what), pairs({ Failed: time(each.sent) + " UTC", Function: each.function, Rule: each.rule, Error: each.error }),
        fold("The event, without secrets", el("pre", {}, JSON.stringify(each.event ?? each.batch ?? each.message ?? each.unread, null, 2))),
        ["redrive", "drop"].map((name) => button(name === "redrive" ? "Process again" : "Delete for good", async () => {
          if (!(await confirm(name === "redrive" ? "Process again" : "Delete for good", el("p", {}, each.what)))) return;
          const done = (await ask("/api/" + name, { id: each.id })).said;
          await load();
          said.textContent = done;
        }, name === "drop" ? { class: "second" } : {})))));
    };
    return section("dead", "Dead letters", el("p", { class: "soft" }, "Events that failed in every attempt, and messages that every channel refused."), button("List dead letters", load), said, list);
  }

  // Sweeps and replays: the commands of that name, followed.
  function runsPart() {
    const list = el("ul", { class: "plain" }), made = new Map(), said = el("p", { role: "status" });
    const field = (name, text, more = {}) => el("label", { class: more.class }, text, el("input", { name, autocomplete: "off", ...more, class: null }));
    const start = (kind) => attempt(async (event) => { const run = await ask("/api/run", { ...Object.fromEntries(new FormData(event.target)), kind }); said.textContent = "Run " + run.number + " started."; follow(); });
    const sweep = el("form", { class: "filters", "aria-label": "Sweep" }, field("service", "Service, such as s3"), field("guardrail", "Guardrails (ids or globs)"), field("account", "Accounts"), field("region", "Regions"), el("button", {}, "Start a sweep"));
    const replay = el("form", { class: "filters", "aria-label": "Replay" }, field("paths", "Files or folders on this machine, or s3://…", { required: true, class: "search" }),
      el("label", {}, "Mode", el("select", { name: "mode" }, el("option", { value: "" }, "of the settings"), ["alert", "ask", "fix"].map((each) => el("option", {}, each)))), el("button", {}, "Start a replay"));
    sweep.addEventListener("submit", start("sweep"));
    replay.addEventListener("submit", start("replay"));
    const draw = (run) => {
      let each = made.get(run.number);
      if (!each) {
        each = { state: el("p", { role: "status" }), out: el("pre", { tabindex: 0, role: "group", "aria-label": "Output of run " + run.number }), ends: el("p") };
        made.set(run.number, each);
        list.prepend(el("li", {}, el("h3", {}, "Run " + run.number), el("p", {}, el("code", {}, run.command)), each.state, each.ends, each.out));
      }
      const text = run.lines.join("\n");
      if (each.state.textContent !== run.state) {
        each.state.textContent = run.state;
        put(each.ends, run.running ? button("Stop", async () => { await ask("/api/stop", { number: run.number }); }, { class: "second" }) : [
          run.report ? el("a", { href: run.report, target: "_blank", rel: "noopener" }, "Open the report") : null, " ",
          run.plan ? button("Carry out this plan", async () => { if (await confirm("Carry out this plan", el("p", {}, "Snapback evaluates each resource again, and fixes those that are still the same."))) { await ask("/api/run", { kind: "apply", number: run.number }); follow(); } }) : null]);
      }
      if (each.out.textContent !== text) each.out.textContent = text;
    };
    const follow = attempt(async () => {
      const { runs } = await ask("/api/runs");
      runs.reverse().forEach(draw);
      if (runs.some((each) => each.running) && list.isConnected) setTimeout(follow, 1000);
    });
    follow();
    return section("runs", "Sweeps and replays", el("p", { class: "soft" }, "A sweep started here only plans: it changes and records nothing until you carry out its plan."), sweep, replay, said, list);
  }

  function settingsPart() {
    const place = el("div", {}, el("p", {}, "One moment …"));
    attempt(async () => {
      const told = await ask("/api/settings");
      put(place, el("p", {}, "From " + told.path + ", in account " + about.account + "."), el("h3", {}, "Exemptions"), exemptionsTable(told.exemptions),
        el("h3", {}, "Other keys that are set"), Object.keys(told.others).length ? table("Other keys that are set", ["Key", "Value"], Object.entries(told.others)) : el("p", { class: "soft" }, "None: the defaults hold."),
        el("h3", {}, "Mode of each guardrail and tripwire"), table("Modes", ["Rule", "Mode", "Why"], told.modes));
    })();
    return section("settings", "Settings", place);
  }

  const PARTS = { findings: ["Findings", findingsPart], overview: ["Overview", overviewPart], status: ["Status", statusPart], "dead-letters": ["Dead letters", deadPart], runs: ["Sweeps and replays", runsPart], settings: ["Settings", settingsPart] };

  function show(name) {
    for (const each of tabs.children) if (each.dataset.part === name) each.setAttribute("aria-current", "page"); else each.removeAttribute("aria-current");
    put(main, [PARTS[name][1]()].flat());
    main.querySelector("h2").focus();
  }

  function head() {
    const told = about.read_only ? [about.kind + " of " + about.made, about.source, about.account && "account " + about.account, "read only"] : ["account " + about.account, about.region, "stack " + about.stack, "you are " + about.caller];
    document.getElementById("about").textContent = told.filter(Boolean).join(" · ");
  }

  async function begin() {
    const token = location.hash.slice(1);
    let refused = null;  // The same browser may open the address again: it has its cookie.
    if (/^[\w-]{43}$/.test(token)) {
      history.replaceState(null, "", "/");
      await ask("/start", { token }).then(({ key }) => localStorage.setItem("key", key), (error) => { refused = error; });
    }
    about = await ask("/api/about").catch((error) => { throw refused || error; });
    Object.assign(known, { statuses: about.statuses, kinds: about.kinds, tools: about.tools, names: about.account_names });
    head();
    form = filters();
    const there = about.read_only ? ["findings", "overview"] : Object.keys(PARTS);
    put(tabs, there.map((name) => el("button", { type: "button", class: "second", "data-part": name, click: () => { history.replaceState(null, "", "/"); show(name); } }, PARTS[name][0])));
    show("findings");
  }

  addEventListener("hashchange", () => about && location.hash && !document.getElementById(location.hash.slice(1)) && show("findings"));
  begin().catch((error) => { tell(error); put(main, el("p", {}, "Nothing is shown without the address that `snapback console` printed.")); });
})();
