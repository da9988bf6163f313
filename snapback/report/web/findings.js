"use strict";
// One finding: its line in the list, and all about it. `known` has the cards and what statuses mean.
function tag(text, tone) {
  return el("span", { class: "tag " + tone }, spaced(text));
}

function statusTag(status, known) {
  return tag(status, (known.statuses[status] || { tone: "open" }).tone);
}

// An account's number, and its name where somebody has named it.
function accountIn(number, known) {
  const name = (known.names || {})[number];
  return name ? number + " (" + name + ")" : number;
}

function nameIn(arn) {
  return arn.startsWith("arn:") ? arn.split(":").slice(5).join(":") : arn;
}

// Each is asked about thousands of findings, of a few cards.
function perCard(make) {
  const made = new Map();
  return (card) => {
    if (!card) return [];
    if (!made.has(card)) made.set(card, make(card));
    return made.get(card);
  };
}

const techniquesOf = perCard((card) => Array.isArray(card.technique) ? card.technique.map((each) => each.id + " " + each.name) : []);
const requirementsOf = perCard((card) => Object.entries(card.compliance || {}).flatMap(([standard, listed]) => listed.map((each) => standard + " " + each)));

function findingLine(finding, known) {
  const who = finding.actor.kind === "Unknown" ? "found by a sweep; who did it isn't known" : finding.event + " by " + finding.actor.name;
  return el("summary", {}, tag(finding.severity, finding.severity), statusTag(finding.status, known),
    el("b", {}, nameIn(finding.resource) + ": " + finding.reason),
    el("span", { class: "about" }, [finding.title, accountIn(finding.account, known) + " " + finding.region, time(finding.time) + " UTC", who].join(" · ")));
}

function findingDetails(finding, known) {
  const card = known.cards[finding.guardrail];
  const actor = finding.actor;
  return [
    el("p", { class: "unprinted" }, el("a", { href: "#" + finding.id }, "Link to record " + finding.id)),
    pairs({
      Record: finding.id, Guardrail: finding.guardrail, Resource: finding.resource, "Account and region": accountIn(finding.account, known) + ", " + finding.region,
      Event: finding.event + " at " + time(finding.time) + " UTC", "Event ID": finding.event_id, By: actor.name, Principal: actor.principal,
      "Source identity": actor.source_identity, From: actor.source_ip, Tool: actor.tool, Via: actor.via, Mode: finding.mode,
      "What happened": finding.did, Error: finding.error,
    }),
    el("h3", {}, finding.changes_title || "Before → after"),
    finding.changes.length ? el("pre", {}, finding.changes.map(changedLine)) : el("p", { class: "soft" }, finding.fix ? "No difference." : "This rule only alerts; nothing is changed."),
    finding.calls.length ? [el("h3", {}, "Calls that Snapback made"), el("ul", {}, finding.calls.map((each) => el("li", {}, el("code", {}, each))))] : null,
    el("h3", {}, "History"),
    el("ol", {}, finding.history.map(([at, status, by, note]) => el("li", {}, time(at) + " ", statusTag(status, known), "by " + by + (note ? ": " + note : "")))),
    finding.commands && Object.keys(finding.commands).length ? [el("h3", {}, "Commands"), el("ul", {}, Object.entries(finding.commands).map(([name, each]) => el("li", {}, name + ": ", el("code", {}, each.replaceAll("{id}", finding.id)))))] : null,
    card ? cardDetails(card, known) : el("p", { class: "soft" }, "This version of Snapback has no card for this guardrail."),
  ];
}

function changedLine(line) {
  const name = line.startsWith("- ") ? "del" : line.startsWith("+ ") ? "ins" : "span";
  return el(name, {}, line);
}

function cardDetails(card, known) {
  return fold("About this guardrail: why, right way, prevention, permissions, compliance",
    el("h3", {}, "Why it matters"), el("p", {}, card.why), card.doc.split("\n\n").map((each) => el("p", {}, each)),
    el("h3", {}, "The right way"), rightWay(card.right_way, known),
    el("h3", {}, "What prevents it"), prevention(card.prevention, known),
    el("h3", {}, "Permissions"),
    pairs({ Reads: [...new Set([...card.reads, ...card.fix_reads])].join(", "), Writes: card.writes.join(", ") || "none",
      Fix: card.fix, Undo: card.fix ? (card.reversible ? "possible" : "not possible, so the fix always needs approval") : "" }),
    el("h3", {}, "Controls, compliance, technique"),
    pairs({ Controls: card.controls.join(", "), Compliance: requirementsOf(card).join(", "), "MITRE ATT&CK": techniquesOf(card).join(", ") || String(card.technique) }));
}

function rightWay(found, known) {
  if (typeof found === "string") return el("p", {}, found);
  return Object.entries(found).map(([name, text]) => text.startsWith("none, because ")
    ? el("p", {}, el("b", {}, known.tools[name] || name), ": " + text) : [el("p", {}, el("b", {}, known.tools[name] || name)), el("pre", {}, text.trimEnd())]);
}

function prevention(found, known) {
  if (typeof found === "string") return el("p", {}, found);
  return found.map((each) => [el("p", {}, el("b", {}, known.kinds[each.kind] || each.kind), ": " + each.text),
    each.policy ? el("pre", {}, JSON.stringify(each.policy, null, 2)) : null]);
}

// A list of findings that are written in full when they are opened.
function findingItem(finding, known, more) {
  const details = el("details", {}, findingLine(finding, known));
  details.addEventListener("toggle", () => {
    if (details.open && details.childElementCount === 1) details.append(el("div", {}, ...findingDetails(finding, known).flat(Infinity).filter(Boolean), more ? more(finding) : ""));
  });
  return el("li", { id: finding.id }, details);
}
