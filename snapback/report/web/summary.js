"use strict";
// Counts of findings, as figures, bars and a timeline.
function figures(values) {
  return el("ul", { class: "figures" }, values.map(([name, value]) => el("li", {}, el("b", {}, number(value)), name)));
}

function countBy(findings, of) {
  const counts = new Map();
  for (const each of findings) for (const value of [of(each)].flat()) if (value) counts.set(value, (counts.get(value) || 0) + 1);
  return [...counts].sort((one, other) => other[1] - one[1] || (one[0] < other[0] ? -1 : 1));
}

// Buttons that choose, each as long as its part of the largest.
function bars(title, counts, chosen, choose, most = 8) {
  const largest = Math.max(1, ...counts.map(([, times]) => times));
  const made = counts.slice(0, most).map(([name, times]) => {
    const button = el("button", { type: "button", "aria-pressed": String(chosen === name), click: () => choose(chosen === name ? "" : name) },
      el("span", {}, name), el("span", {}, number(times)));
    button.style.setProperty("--part", String(times / largest));
    return el("li", {}, button);
  });
  return el("div", {}, el("h3", {}, title), made.length ? el("ul", { class: "bars" }, made) : el("p", { class: "soft" }, "None."),
    counts.length > most ? el("p", { class: "soft" }, "and " + number(counts.length - most) + " more; choose one in the filters") : null);
}

const HOUR = 3600e3;
const STEPS = [HOUR / 60, HOUR / 12, HOUR, 6 * HOUR, 24 * HOUR, 7 * 24 * HOUR, 30 * 24 * HOUR, 365 * 24 * HOUR];

// The findings of each span of time, by severity; about forty spans.
function timeline(findings, severities) {
  const times = findings.map((each) => Date.parse(each.time));
  if (!times.length) return el("p", { class: "soft" }, "No findings.");
  const first = times.reduce((one, other) => Math.min(one, other)), last = times.reduce((one, other) => Math.max(one, other));
  const step = STEPS.find((each) => (last - first) / each <= 60) || STEPS.at(-1);
  const start = Math.floor(first / step) * step, spans = Math.floor((last - start) / step) + 1;
  const counts = Array.from({ length: spans }, () => ({}));
  findings.forEach((each, place) => {
    const span = counts[Math.floor((times[place] - start) / step)];
    span[each.severity] = (span[each.severity] || 0) + 1;
  });
  const sums = counts.map((each) => Object.values(each).reduce((one, other) => one + other, 0));
  const highest = Math.max(...sums), at = (span) => time(new Date(start + span * step).toISOString()).slice(0, 16);
  const ns = "http://www.w3.org/2000/svg", svg = document.createElementNS(ns, "svg");
  svg.setAttribute("viewBox", "0 0 " + spans * 10 + " 100"); svg.setAttribute("preserveAspectRatio", "none"); svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", "Findings from " + at(0) + " to " + at(spans - 1) + " UTC, at most " + number(highest) + " at a time. The numbers follow.");
  counts.forEach((each, span) => {
    let top = 100;
    for (const severity of [...severities].reverse()) if (each[severity]) {
      const rect = document.createElementNS(ns, "rect"), height = Math.max(1, each[severity] / highest * 100);
      top -= height;
      for (const [name, value] of Object.entries({ x: span * 10 + 1, y: top, width: 8, height, class: severity })) rect.setAttribute(name, value);
      svg.append(rect);
    }
  });
  const rows = counts.map((each, span) => [at(span), ...severities.map((severity) => number(each[severity] || 0))]).filter((_, span) => sums[span]);
  return el("div", {}, svg, el("p", { class: "axis" }, el("span", {}, at(0)), el("span", {}, at(spans - 1) + " UTC")),
    fold("The timeline in numbers", table("The timeline in numbers", ["From (UTC)", ...severities], rows)));
}
