"use strict";
// Makes elements. All text is put in as text: nothing here, or in what uses it, reads a string as HTML.
function el(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === "function") made.addEventListener(key, value);
    else made.setAttribute(key, value === true ? "" : String(value));
  }
  made.append(...children.flat(Infinity).filter((each) => each !== null && each !== undefined && each !== false && each !== ""));
  return made;
}

function put(parent, ...children) {
  parent.replaceChildren(...children.flat(Infinity).filter((each) => each !== null && each !== undefined && each !== false));
}

function section(id, title, ...children) {
  return el("section", { "aria-labelledby": id + "-title" }, el("h2", { id: id + "-title", tabindex: -1 }, title), ...children);
}

// 2026-11-23T10:00:02Z and 2026-11-23T10:00:02.123+00:00 alike: all times are UTC.
function time(text) {
  return String(text).slice(0, 19).replace("T", " ");
}

function number(value) {
  return Number(value).toLocaleString("en-US");
}

function spaced(text) {
  return String(text).replaceAll("_", " ");
}

function pairs(values) {
  const shown = Object.entries(values).filter(([, value]) => value !== undefined && value !== null && value !== "" && value.length !== 0);
  return el("dl", {}, shown.map(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
}

function table(caption, heads, rows) {
  return el("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": caption }, el("table", {},
    el("thead", {}, el("tr", {}, heads.map((each) => el("th", { scope: "col" }, each)))),
    el("tbody", {}, rows.map((row) => el("tr", {}, row.map((each) => el("td", {}, each)))))));
}

function fold(title, ...children) {
  return el("details", { class: "fold" }, el("summary", {}, title), ...children);
}

function clear(form) {
  for (const each of form.elements) if (each.tagName === "SELECT") each.selectedIndex = 0; else if (each.name) each.value = "";
}
