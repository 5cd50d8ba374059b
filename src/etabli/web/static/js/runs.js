// The list of runs, updated during training.

import { _, $, el } from "./common.js";
import { whenChanged } from "./models.js";

const formatDate = (text) => new Date(text).toLocaleString(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });

function badge(run) {
  if (run.running) return el("span", { class: "badge running" }, _("running, {done} of {total}", run));
  if (run.done < run.total) return el("span", { class: "badge" }, _("unfinished, {done} of {total}", run));
  return el("span", { class: "badge done" }, _("finished"));
}

/** Abbreviate a long list of experiments: each practical with its number of experiments. */
function abbreviate(names) {
  if (names.length <= 4) return names.join(", ");
  const practicals = Map.groupBy ? Map.groupBy(names, (name) => name.split(".")[0]) : new Map([["", names]]);
  return [...practicals].map(([practical, own]) => (own.length > 1 && practical ? `${practical} (${own.length})` : own.join(", "))).join(", ");
}

function row(run) {
  return el("tr", {},
    el("td", {}, el("a", { href: `/runs/${encodeURIComponent(run.name)}` }, run.name)),
    el("td", { class: "short" }, formatDate(run.created)),
    el("td", {}, run.dataset || (run.data === "sample" ? _("sample data") : _("full data"))),
    el("td", { class: "wide", title: run.experiments.join(", ") }, abbreviate(run.experiments)),
    el("td", { class: "number" }, String(run.seeds.length)),
    el("td", {}, badge(run)),
    el("td", {}, run.done ? el("a", { href: `/runs/${encodeURIComponent(run.name)}/report.html` }, _("report")) : ""));
}

export function fillOptions(select, runs, selected) {
  const before = selected ?? select.value;
  select.replaceChildren(...runs.map((run) => el("option", { value: run.name, selected: run.name === before }, run.name)));
}

function draw(runs) {
  $("compare").hidden = runs.length < 2;
  fillOptions($("first"), runs, $("first").value || runs[0]?.name);
  fillOptions($("second"), runs, $("second").value || runs[1]?.name);
  if (!runs.length) {
    $("list").replaceChildren(el("p", { class: "empty" }, _("There is no run in this folder yet. Start one in a terminal:"), " ", el("code", {}, "etabli run tp1")));
    return;
  }
  const heads = [_("run"), _("created"), _("data"), _("experiments"), _("seeds"), _("state"), ""];
  $("list").replaceChildren(el("div", { class: "scroll" }, el("table", { class: "scores" },
    el("thead", {}, el("tr", {}, heads.map((each) => el("th", { scope: "col" }, each)))),
    el("tbody", {}, runs.map(row)))));
}

if (document.body.dataset.page === "runs") whenChanged((latest) => draw(latest.runs));
