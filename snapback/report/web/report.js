"use strict";
(() => {
  const PAGE = 50;
  const data = JSON.parse(document.getElementById("data").textContent);
  const known = { cards: Object.assign(Object.create(null), data.cards), statuses: data.statuses, kinds: data.kinds, tools: data.tools, names: data.account_names };
  const findings = findingsOf(data), FIELDS = fieldsOf(known);
  const places = new Map(findings.map((each, at) => [each.id, at]));
  const order = new Map(data.severities.map((each, at) => [each, at]));
  const extra = new Map(Object.entries(known.cards).map(([id, card]) => [id, [...techniquesOf(card), ...requirementsOf(card), ...card.controls].join("\n")]));
  const texts = findings.map((each) => [each.id, each.status, each.severity, each.guardrail, each.title, each.resource, each.reason, each.event, accountIn(each.account, known),
    each.region, each.actor.name, each.actor.principal, each.actor.source_ip, each.actor.tool, time(each.time), extra.get(each.guardrail)].join("\n").toLowerCase());
  const SORTS = {
    "newest first": (one, other) => compare(other.time, one.time), "oldest first": (one, other) => compare(one.time, other.time),
    "most severe first": (one, other) => order.get(one.severity) - order.get(other.severity) || compare(other.time, one.time),
    guardrail: (one, other) => compare(one.guardrail, other.guardrail) || compare(other.time, one.time),
    account: (one, other) => compare(one.account, other.account) || compare(other.time, one.time),
    actor: (one, other) => compare(one.actor.name, other.actor.name) || compare(other.time, one.time),
    resource: (one, other) => compare(one.resource, other.resource) || compare(other.time, one.time),
  };
  const form = el("form", { class: "filters", "aria-label": "Filters" }), list = el("ol", { class: "list" });
  const count = el("p", { role: "status", id: "count" }), pages = el("p", { class: "pages" }), counts = countsOf(data, known);
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
    form.addEventListener("reset", (event) => { event.preventDefault(); clear(form); filter(); });
    form.addEventListener("submit", (event) => event.preventDefault());
  }

  function filter() {
    const wanted = Object.fromEntries(new FormData(form)), needle = (wanted.text || "").trim().toLowerCase();
    const chosen = Object.entries(FIELDS).filter(([name]) => wanted[name]);
    matched = findings.filter((each, at) => (!needle || texts[at].includes(needle)) && chosen.every(([name, of]) => [of(each)].flat().includes(wanted[name])));
    matched.sort(SORTS[wanted.sort] || SORTS["newest first"]);
    page = 0;
    const more = matched.length === findings.length ? Object.entries(data.figures).map(([name, value]) => [spaced(name), value]) : [];
    counts.show(matched, more, wanted, (name, value) => { form.elements[name].value = value; filter(); counts.focus(name, value || wanted[name]); });
    show();
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
    const at = places.get(location.hash.slice(1));
    if (at === undefined) return;
    if (!matched.includes(findings[at])) { clear(form); filter(); }
    page = Math.floor(matched.indexOf(findings[at]) / PAGE);
    show();
    const item = document.getElementById(findings[at].id);
    item.querySelector("details").open = true;
    item.scrollIntoView();
    item.querySelector("summary").focus();
  }

  function printed() {
    put(list, matched.map((each) => findingItem(each, known)));
    if (matched.length <= 200) for (const each of list.querySelectorAll("details")) each.open = true;
  }

  filters();
  put(document.getElementById("main"),
    el("p", { class: "soft" }, [data.source, data.account && "account " + accountIn(data.account, known), "Snapback " + data.snapback].filter(Boolean).join(" · ") + ". Secrets are left out."),
    counts.sections, readOut(data, findings, known, (id, text) => el("a", { href: "#" + id }, text)), section("findings", "Findings", form, count, list, pages));
  document.getElementById("findings-title").parentElement.id = "findings";
  filter();
  addEventListener("load", follow);  // Before that, the browser itself goes to the fragment, and takes the focus away.
  addEventListener("hashchange", follow);
  addEventListener("beforeprint", printed);
  addEventListener("afterprint", show);
})();
