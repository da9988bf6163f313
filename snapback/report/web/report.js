"use strict";
(() => {
  const PAGE = 50;
  const data = JSON.parse(document.getElementById("data").textContent);
  const known = { cards: data.cards, statuses: data.statuses, kinds: data.kinds, tools: data.tools, names: data.account_names };
  const EMPTY = { changes: [], calls: [], history: [], commands: {}, event_id: "", fix: "", error: "", changed: false, reversible: true, found_by: "event" };
  const findings = Array.from({ length: data.size }, () => ({ ...EMPTY, actor: {} }));
  for (const [column, [values, places]] of Object.entries(data.columns)) {
    const ofActor = column.startsWith("actor."), name = column.replace("actor.", "");
    findings.forEach((each, at) => { const value = places ? values[places[at]] : values[at]; if (value !== null) (ofActor ? each.actor : each)[name] = value; });
  }
  const places = new Map(findings.map((each, at) => [each.id, at]));
  const order = new Map(data.severities.map((each, at) => [each, at]));
  const extra = new Map(Object.entries(known.cards).map(([id, card]) => [id, [...techniquesOf(card), ...requirementsOf(card), ...card.controls].join("\n")]));
  const texts = findings.map((each) => [each.id, each.status, each.severity, each.guardrail, each.title, each.resource, each.reason, each.event, accountIn(each.account, known),
    each.region, each.actor.name, each.actor.principal, each.actor.source_ip, each.actor.tool, time(each.time), extra.get(each.guardrail)].join("\n").toLowerCase());
  const FIELDS = {
    severity: (each) => each.severity, status: (each) => each.status, guardrail: (each) => each.guardrail, account: (each) => accountIn(each.account, known),
    region: (each) => each.region, actor: (each) => each.actor.name, tool: (each) => each.actor.tool || "not known",
    technique: (each) => techniquesOf(known.cards[each.guardrail]), compliance: (each) => requirementsOf(known.cards[each.guardrail]),
  };
  const SORTS = {
    "newest first": (one, other) => compare(other.time, one.time), "oldest first": (one, other) => compare(one.time, other.time),
    "most severe first": (one, other) => order.get(one.severity) - order.get(other.severity) || compare(other.time, one.time),
    guardrail: (one, other) => compare(one.guardrail, other.guardrail) || compare(other.time, one.time),
    account: (one, other) => compare(one.account, other.account) || compare(other.time, one.time),
    actor: (one, other) => compare(one.actor.name, other.actor.name) || compare(other.time, one.time),
    resource: (one, other) => compare(one.resource, other.resource) || compare(other.time, one.time),
  };
  const compare = (one, other) => (one < other ? -1 : one > other ? 1 : 0);
  const form = el("form", { class: "filters", "aria-label": "Filters" }), list = el("ol", { class: "list" });
  const count = el("p", { role: "status", id: "count" }), pages = el("p", { class: "pages" }), groups = el("div", { class: "groups" });
  const chart = el("div"), top = el("div");
  let matched = findings, page = 0;

  function select(name, values) {
    return el("label", {}, name[0].toUpperCase() + name.slice(1), el("select", { name }, el("option", { value: "" }, "any"), values.map((each) => el("option", { value: each }, spaced(each)))));
  }

  function filters() {
    form.append(el("label", { class: "search" }, "Search", el("input", { type: "search", name: "text", autocomplete: "off" })));
    for (const [name, of] of Object.entries(FIELDS)) {
      const values = countBy(findings, of).map(([value]) => value);
      if (values.length > 1) form.append(select(name, name === "severity" ? data.severities.filter((each) => values.includes(each)) : values.sort()));
    }
    form.append(el("label", {}, "Sort", el("select", { name: "sort" }, Object.keys(SORTS).map((each) => el("option", {}, each)))),
      el("button", { type: "reset", class: "second" }, "Show all"), el("button", { type: "button", class: "second", click: () => print() }, "Print"));
    form.addEventListener("input", () => filter());
    form.addEventListener("reset", (event) => { event.preventDefault(); clear(); filter(); });
    form.addEventListener("submit", (event) => event.preventDefault());
  }

  function clear() {
    for (const each of form.elements) if (each.name === "text") each.value = ""; else if (each.name) each.selectedIndex = 0;
  }

  function filter() {
    const wanted = Object.fromEntries(new FormData(form)), needle = (wanted.text || "").trim().toLowerCase();
    const chosen = Object.entries(FIELDS).filter(([name]) => wanted[name]);
    matched = findings.filter((each, at) => (!needle || texts[at].includes(needle)) && chosen.every(([name, of]) => [of(each)].flat().includes(wanted[name])));
    matched.sort(SORTS[wanted.sort] || SORTS["newest first"]);
    page = 0;
    summarize(wanted);
    show();
  }

  function summarize(wanted) {
    const choose = (name) => (value) => { form.elements[name].value = value; filter(); };
    put(groups, ["guardrail", "severity", "account", "actor", "tool", "status"].filter((name) => form.elements[name]).map((name) =>
      bars("By " + name, countBy(matched, FIELDS[name]), wanted[name], (value) => { choose(name)(value); [...groups.querySelectorAll("button")].find((each) => each.firstChild.textContent === (value || wanted[name]))?.focus(); })));
    put(chart, timeline(matched, data.severities));
    const unsafe = matched.filter((each) => (data.statuses[each.status] || {}).unsafe).length;
    const distinct = (of) => new Set(matched.map(of)).size;
    put(top, figures([
      ["findings", matched.length], ["still unsafe", unsafe], ["fixed", matched.filter((each) => each.status === "fixed").length],
      ["critical or high", matched.filter((each) => order.get(each.severity) < 2).length], ["need a person", matched.filter((each) => (data.statuses[each.status] || {}).person).length],
      ["resources", distinct((each) => each.resource)], ["accounts", distinct((each) => each.account)], ["actors", distinct((each) => each.actor.name)],
      ...(matched.length === findings.length ? Object.entries(data.figures).map(([name, value]) => [spaced(name), value]) : []),
    ]));
  }

  function show() {
    const last = Math.max(0, Math.ceil(matched.length / PAGE) - 1);
    page = Math.min(page, last);
    put(list, matched.slice(page * PAGE, (page + 1) * PAGE).map((each) => findingItem(each, known)));
    count.textContent = number(matched.length) + " of " + number(findings.length) + " findings";
    const to = (step) => () => { page += step; show(); list.querySelector("summary")?.focus(); };
    put(pages, matched.length > PAGE ? [el("button", { type: "button", class: "second", disabled: page === 0, click: to(-1) }, "Previous page"),
      el("button", { type: "button", class: "second", disabled: page === last, click: to(1) }, "Next page"), "Page " + number(page + 1) + " of " + number(last + 1)] : []);
  }

  // `#record` in the address shows that finding, whatever the filters were.
  function follow() {
    const at = places.get(decodeURIComponent(location.hash.slice(1)));
    if (at === undefined) return;
    if (!matched.includes(findings[at])) { clear(); filter(); }
    page = Math.floor(matched.indexOf(findings[at]) / PAGE);
    show();
    const item = document.getElementById(findings[at].id);
    item.querySelector("details").open = true;
    item.scrollIntoView();
    item.querySelector("summary").focus();
  }

  const link = (at, text) => el("a", { href: "#" + findings[at].id }, text || findings[at].id);

  function story(each) {
    const some = each.findings.slice(0, 100);
    return el("li", {}, fold([tag(each.severity, each.severity), each.actor + ": " + number(each.findings.length) + " findings, " + number(each.techniques.length) + " techniques, from " + time(findings[some[0]].time) + " UTC"],
      pairs({ Accounts: each.accounts.join(", "), From: each.sources.join(", "), Tools: each.tools.join(", "), "MITRE ATT&CK": each.techniques.join(", ") }),
      el("ol", {}, some.map((at) => el("li", {}, time(findings[at].time).slice(11) + " " + findings[at].event + ": " + findings[at].title + ", " + nameIn(findings[at].resource) + " ",
        statusTag(findings[at].status, known), (techniquesOf(known.cards[findings[at].guardrail]).join(", ") || "no technique") + " · ", link(at)))),
      each.findings.length > some.length ? el("p", { class: "soft" }, "and " + number(each.findings.length - some.length) + " more") : null));
  }

  function fight(each) {
    const told = (counts) => Object.entries(counts).map(([name, times]) => name + " (" + number(times) + ")").join(", ");
    return [el("span", {}, nameIn(each.resource), el("br"), el("span", { class: "soft" }, each.guardrail)), told(each.actors), told(each.against) || "nobody",
      number(each.findings.length) + (each.stopped ? ", fixing stopped" : ""), link(each.findings.at(-1))];
  }

  function compliance() {
    const rows = new Map();
    for (const each of findings) for (const name of requirementsOf(known.cards[each.guardrail])) {
      const row = rows.get(name) || { times: 0, unsafe: 0 };
      row.times += 1; row.unsafe += (data.statuses[each.status] || {}).unsafe ? 1 : 0;
      rows.set(name, row);
    }
    const shown = [...rows].sort((one, other) => compare(one[0], other[0]));
    return shown.length ? fold("Findings by " + number(shown.length) + " requirements", table("Findings by requirement", ["Requirement", "Findings", "Still unsafe"], shown.map(([name, row]) => [name, number(row.times), number(row.unsafe)])))
      : el("p", { class: "soft" }, "No finding concerns a mapped requirement.");
  }

  function printed() {
    put(list, matched.map((each) => findingItem(each, known)));
    if (matched.length <= 200) for (const each of list.querySelectorAll("details")) each.open = true;
  }

  filters();
  put(document.getElementById("main"),
    el("p", { class: "soft" }, [data.source, data.account && "account " + accountIn(data.account, known), "Snapback " + data.snapback].filter(Boolean).join(" · ") + ". Secrets are left out."),
    section("figures", "In short", top), section("timeline", "Timeline", chart), section("groups", "Who and what", groups),
    section("stories", "What one actor did in a row", data.stories.length ? [el("ul", { class: "plain" }, data.stories.slice(0, 8).map(story)), data.stories.length > 8 ? fold("More", el("ul", { class: "plain" }, data.stories.slice(8).map(story))) : null] : el("p", { class: "soft" }, "No actor caused more than one finding within an hour.")),
    section("fights", "Who changes back what is fixed", data.fights.length ? table("Who changes back what is fixed", ["Resource", "Made unsafe by", "Fixed or undone by", "Times", "Last record"], data.fights.map(fight)) : el("p", { class: "soft" }, "Nobody repeated a change that was fixed.")),
    section("noise", "The loudest guardrails, and what would quiet them", data.noise.length ? [table("The loudest guardrails", ["Guardrail", "Findings", "Resources", "Actors", "Suggested mode"],
      data.noise.map((each) => [each.guardrail, number(each.times), number(each.resources), number(each.actors), each.mode + ": " + each.why])),
      data.noise.filter((each) => each.exemption).map((each) => fold("An exemption for " + each.guardrail, el("p", { class: "soft" }, "If this is intended, complete the reason and the owner, and add it to snapback.yaml."), el("pre", {}, each.exemption)))] : el("p", { class: "soft" }, "No findings.")),
    section("unchecked", "What could not be checked", data.unchecked.length ? table("What could not be checked", ["What", "Why", "Times"], data.unchecked.map((each) => [each.what, each.why, number(each.times)])) : el("p", { class: "soft" }, "Everything could be checked.")),
    section("compliance", "Compliance", compliance()),
    section("findings", "Findings", form, count, list, pages));
  document.getElementById("findings-title").parentElement.id = "findings";
  filter();
  addEventListener("load", follow);  // Before that, the browser itself goes to the fragment, and takes the focus away.
  addEventListener("hashchange", follow);
  addEventListener("beforeprint", printed);
  addEventListener("afterprint", show);
})();
