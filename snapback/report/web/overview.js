"use strict";
// What findings tell together, in the report and in the console. `data` is what report_data answers.
const EMPTY = { changes: [], calls: [], history: [], commands: {}, event_id: "", fix: "", error: "", changed: false, reversible: true, found_by: "event" };
const compare = (one, other) => (one < other ? -1 : one > other ? 1 : 0);

// The findings, which the data has by columns.
function findingsOf(data) {
  const findings = Array.from({ length: data.size }, () => ({ ...EMPTY, actor: {} }));
  for (const [column, [values, places]] of Object.entries(data.columns)) {
    const ofActor = column.startsWith("actor."), name = column.replace("actor.", "");
    findings.forEach((each, at) => { const value = places ? values[places[at]] : values[at]; if (value !== null) (ofActor ? each.actor : each)[name] = value; });
  }
  return findings;
}

function fieldsOf(known) {
  return {
    severity: (each) => each.severity, status: (each) => each.status, guardrail: (each) => each.guardrail, account: (each) => accountIn(each.account, known),
    region: (each) => each.region, actor: (each) => each.actor.name, tool: (each) => each.actor.tool || "not known",
    technique: (each) => techniquesOf(known.cards[each.guardrail]), compliance: (each) => requirementsOf(known.cards[each.guardrail]),
  };
}

// Places for counts, and what fills them: a bar chooses a value of the filter of its name.
function countsOf(data, known) {
  const top = el("div"), chart = el("div"), groups = el("div", { class: "groups" }), fields = fieldsOf(known);
  const traits = (each) => data.statuses[each.status] || {}, worst = data.severities.slice(0, 2);
  const show = (matched, more, chosen, choose) => {
    const many = (fits) => matched.filter(fits).length, distinct = (of) => new Set(matched.map(of)).size;
    put(top, figures([
      ["findings", matched.length], ["still unsafe", many((each) => traits(each).unsafe)], ["fixed", many((each) => each.status === "fixed")],
      ["critical or high", many((each) => worst.includes(each.severity))], ["need a person", many((each) => traits(each).person)],
      ["resources", distinct((each) => each.resource)], ["accounts", distinct((each) => each.account)], ["actors", distinct((each) => each.actor.name)], ...more,
    ]));
    put(chart, timeline(matched, data.severities));
    put(groups, ["guardrail", "severity", "account", "actor", "tool", "status"].filter((name) => name in chosen).map((name) =>
      bars("By " + name, countBy(matched, fields[name]), chosen[name], (value) => choose(name, value))));
  };
  const focus = (name, value) => [...groups.querySelectorAll("button")].find((each) => each.firstChild.textContent === value && each.closest("div").firstChild.textContent === "By " + name)?.focus();
  return { show, focus, sections: [section("figures", "In short", top), section("timeline", "Timeline", chart), section("groups", "Who and what", groups)] };
}

// Stories, fights, noise, what could not be checked, and compliance. `link` makes a link to a record.
function readOut(data, findings, known, link) {
  const soft = (text) => el("p", { class: "soft" }, text);
  const to = (at, text) => link(findings[at].id, text || findings[at].id);

  function story(each) {
    const some = each.findings.slice(0, 100);
    return el("li", {}, fold([tag(each.severity, each.severity), each.actor + ": " + number(each.findings.length) + " findings, " + number(each.techniques.length) + " techniques, from " + time(findings[some[0]].time) + " UTC"],
      pairs({ Accounts: each.accounts.join(", "), From: each.sources.join(", "), Tools: each.tools.join(", "), "MITRE ATT&CK": each.techniques.join(", ") }),
      el("ol", {}, some.map((at) => el("li", {}, time(findings[at].time).slice(11) + " " + findings[at].event + ": " + findings[at].title + ", " + nameIn(findings[at].resource) + " ",
        statusTag(findings[at].status, known), (techniquesOf(known.cards[findings[at].guardrail]).join(", ") || "no technique") + " · ", to(at)))),
      each.findings.length > some.length ? soft("and " + number(each.findings.length - some.length) + " more") : null));
  }

  function fight(each) {
    const told = (counts) => Object.entries(counts).map(([name, times]) => name + " (" + number(times) + ")").join(", ");
    return [el("span", {}, nameIn(each.resource), el("br"), el("span", { class: "soft" }, each.guardrail)), told(each.actors), told(each.against) || "nobody",
      number(each.findings.length) + (each.stopped ? ", fixing stopped" : ""), to(each.findings.at(-1))];
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
      : soft("No finding concerns a mapped requirement.");
  }

  return [
    section("stories", "What one actor did in a row", data.stories.length ? [el("ul", { class: "plain" }, data.stories.slice(0, 8).map(story)), data.stories.length > 8 ? fold("More", el("ul", { class: "plain" }, data.stories.slice(8).map(story))) : null] : soft("No actor caused more than one finding within an hour.")),
    section("fights", "Who changes back what is fixed", data.fights.length ? table("Who changes back what is fixed", ["Resource", "Made unsafe by", "Fixed or undone by", "Times", "Last record"], data.fights.map(fight)) : soft("Nobody repeated a change that was fixed.")),
    section("noise", "The loudest guardrails, and what would quiet them", data.noise.length ? [table("The loudest guardrails", ["Guardrail", "Findings", "Resources", "Actors", "Suggested mode"],
      data.noise.map((each) => [each.guardrail, number(each.times), number(each.resources), number(each.actors), each.mode + ": " + each.why])),
      data.noise.filter((each) => each.exemption).map((each) => fold("An exemption for " + each.guardrail, soft("If this is intended, complete the reason and the owner, and add it to snapback.yaml."), el("pre", {}, each.exemption)))] : soft("No findings.")),
    section("unchecked", "What could not be checked", data.unchecked.length ? table("What could not be checked", ["What", "Why", "Times"], data.unchecked.map((each) => [each.what, each.why, number(each.times)])) : soft("Everything could be checked.")),
    section("compliance", "Compliance", compliance()),
  ];
}
