// Runs compared with the first: what differs, scores with differences and tests, curves.

import { _, $, addressOf, attempt, el, request } from "./common.js";
import { Histories } from "./curves.js";

const names = (new URLSearchParams(location.search).get("runs") ?? "").split("/").filter(Boolean);
const runLink = (name) => el("a", { href: addressOf(`/runs/${encodeURIComponent(name)}`) }, name);
const head = (cells, numbers) => el("thead", {}, el("tr", {}, cells.map((cell, index) => (cell ? el("th", { scope: "col", class: numbers(index) ? "number" : null }, cell) : el("td")))));

function differencesTable({ runs, settings, titles }) {
  if (!settings.length) return el("p", { class: "muted" }, _("Nothing: data, settings, seeds and versions are the same."));
  const groups = new Map();
  for (const row of settings) groups.set(row.experiment, [...(groups.get(row.experiment) ?? []), row]);
  return el("table", { class: "scores cards" },
    head(["", ...runs.map(runLink)], () => false),
    [...groups].map(([experiment, rows]) => el("tbody", {},
      experiment ? el("tr", {}, el("th", { scope: "rowgroup", colspan: runs.length + 1, class: "practical" }, titles[experiment] ?? experiment, " ", el("small", { class: "muted" }, experiment))) : null,
      rows.map((row) => el("tr", {}, el("td", {}, row.setting), row.values.map((value, index) => el("td", { "data-label": runs[index] }, value)))))));
}

function scoreRow(row, known, runs) {
  const cells = row.measured.flatMap((value, index) => [
    el("td", { class: "number strong", "data-label": runs[index] }, value),
    ...(index ? [differenceCell(row.differences[index - 1], runs[0])] : []),
  ]);
  return el("tr", {},
    el("td", { title: row.score }, row.label), known ? el("td", { class: "number", "data-label": _("published") }, row.published) : null, cells,
    el("td", { class: "recipe" }, el("details", {}, el("summary", {}, _("recipes")), row.recipes.map((recipe) => el("p", {}, recipe || "—")))));
}

function differenceCell({ text, is_reason: isReason, p }, first) {
  return el("td", { "data-label": _("difference from {run}", { run: first }), class: isReason ? "reason" : `difference${p !== null && p < 0.05 ? " clear" : ""}` }, text);
}

function scoresTable({ runs, scores }) {
  const known = scores.some((row) => row.published !== "—");
  const columns = runs.flatMap((run, index) => [runLink(run), ...(index ? [el("span", {}, _("difference from {run}", { run: runs[0] }))] : [])]);
  const heads = [_("score"), ...(known ? [_("published")] : []), ...columns, ""];
  const groups = new Map();
  for (const row of scores) groups.set(row.experiment, [...(groups.get(row.experiment) ?? []), row]);
  return el("table", { class: "scores cards" },
    head(heads, (index) => index > 0 && index < heads.length - 1),
    [...groups].map(([experiment, rows]) => el("tbody", {},
      el("tr", {}, el("th", { scope: "rowgroup", colspan: heads.length, class: "practical" }, rows[0].title, " ", el("small", { class: "muted" }, experiment))),
      rows.map((row) => scoreRow(row, known, runs)))));
}

await attempt(async () => {
  $("content").hidden = names.length < 2;
  $("choose").hidden = names.length > 1;
  if (names.length < 2) return;
  const all = await request(`/api/compare?${new URLSearchParams({ runs: names.join("/") })}`);
  $("settings").replaceChildren(differencesTable(all));
  $("scores").replaceChildren(all.scores.length ? scoresTable(all) : el("p", { class: "muted" }, _("These runs have no experiment in common.")));
  $("unshared").replaceChildren(
    ...all.problems.map((text) => el("p", { class: "notice" }, text)),
    ...all.unshared.map(({ run, experiments }) => el("p", { class: "muted" }, _("Only in {run}: {experiments}.", { run, experiments: experiments.join(", ") }))));
  const histories = new Histories($("curves"), { apart: true });
  histories.titles = all.titles;
  const shared = new Set(all.scores.map((row) => row.experiment));
  for (const name of all.runs) {
    const found = await request(`/api/runs/${encodeURIComponent(name)}/curves`);
    const own = found.filter((each) => shared.has(each.experiment));
    own.sort((a, b) => Boolean(a.label) - Boolean(b.label)); // the training of the headline first
    own.forEach((history) => histories.add(history, name));
  }
  histories.draw();
  document.body.dataset.drawn = "yes";
});
