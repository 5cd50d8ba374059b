// One run: its curves as they are written, its scores and the published ones, figures and claims.

import { _, $, attempt, el, listen, request } from "./common.js";
import { Histories } from "./curves.js";
import { whenChanged } from "./models.js";

const name = $("live").dataset.run;
const base = `/runs/${encodeURIComponent(name)}`;
const histories = new Histories($("curves"));

listen(`/api${base}/events`, {
  rows: (history) => {
    histories.add(history);
    histories.draw();
    $("live").hidden = false;
  },
});
$("live").hidden = true;

export function scoresTable(scores, full) {
  const heads = [_("experiment"), _("score"), ...(full ? [_("published")] : []), _("measured"), ...(full ? [_("difference")] : []), _("recipe")];
  return el("table", { class: "scores" },
    el("thead", {}, el("tr", {}, heads.map((each, index) => el("th", { scope: "col", class: index > 1 && index < heads.length - 1 ? "number" : null }, each)))),
    el("tbody", {}, scores.map((each) => el("tr", {},
      el("td", {}, each.experiment), el("td", {}, each.score),
      full ? el("td", { class: "number" }, each.published) : null,
      el("td", { class: "number strong" }, each.measured),
      full ? el("td", { class: "number" }, each.difference) : null,
      el("td", { class: "recipe" }, each.recipe)))));
}

const VERDICTS = () => ({ confirmed: _("confirmed"), refuted: _("refuted"), undecided: _("undecided"), not_judged: _("not judged on sample data") });

function section(each) {
  if (!each.done) return el("section", {}, el("h2", {}, el("span", { class: "name" }, each.experiment)), el("p", { class: "muted" }, _("Not finished yet.")));
  return el("section", {},
    el("h2", {}, el("span", { class: "name" }, each.experiment), " ", each.title),
    each.interrupted ? el("p", { class: "notice" }, _("This experiment was interrupted; what follows is incomplete.")) : null,
    each.pages.map((page) => el("p", { class: "page" }, el("a", { href: `${base}/${page.file}` }, page.title), " ", page.caption)),
    el("div", { class: "figures" }, each.figures.map((figure) => el("figure", {},
      el("img", { src: `${base}/${figure.file}`, alt: figure.title, loading: "lazy" }),
      el("figcaption", {}, figure.number ? el("span", { class: "answers" }, _("Report figure {number}", figure)) : null, el("strong", {}, figure.title), " ", figure.caption)))),
    each.claims.length ? el("ul", { class: "claims" }, each.claims.map((claim) => el("li", { class: claim.verdict },
      el("span", { class: "verdict" }, VERDICTS()[claim.verdict]),
      el("span", {}, el("strong", {}, claim.says), el("br"), claim.measured)))) : null);
}

function draw(run) {
  const full = run.data === "full";
  $("facts").textContent = [
    new Date(run.created).toLocaleString(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" }),
    full ? _("full data") : _("sample data"),
    _("seeds: {list}", { list: run.seeds.join(", ") }),
    run.running ? _("running") : "",
  ].filter(Boolean).join(" · ");
  $("report").hidden = !run.sections.some((each) => each.done);
  $("scores").replaceChildren(run.scores.length ? scoresTable(run.scores, full) : el("p", { class: "muted" }, _("No score yet.")));
  $("sections").replaceChildren(...run.sections.map(section));
}

let lastVersion = "";
whenChanged(async (latest) => {
  const summary = latest.runs.find((each) => each.name === name);
  const version = summary ? JSON.stringify([summary.done, summary.total, summary.created, summary.running]) : "";
  if (version === lastVersion) return;
  lastVersion = version;
  const run = await attempt(() => request(`/api${base}`));
  if (run) draw(run);
});
