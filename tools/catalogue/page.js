"use strict";
const form = document.querySelector("form");
const rules = [...document.querySelectorAll("details")];
const count = document.getElementById("count");

function fits(rule, wanted) {
  const data = rule.dataset;
  return Object.entries(wanted).every(([name, value]) => {
    if (!value) return true;
    if (name === "text") return rule.textContent.toLowerCase().includes(value.toLowerCase());
    if (["control", "technique", "compliance"].includes(name)) return data[name].includes("|" + value + "|");
    return data[name] === value;
  });
}

function filter() {
  const wanted = Object.fromEntries(new FormData(form));
  for (const rule of rules) rule.hidden = !fits(rule, wanted);
  count.textContent = rules.filter((rule) => !rule.hidden).length + " of " + rules.length;
}

form.addEventListener("input", filter);
form.addEventListener("reset", () => setTimeout(filter));
form.addEventListener("submit", (event) => event.preventDefault());
filter();
