// One run: its curves as they grow, its scores beside the published ones, its figures and claims.

import { _, $, ask, attempt, el, follow } from "./common.js";
import { Histories } from "./curves.js";
import { whenChanged } from "./sign.js";

const name = $("live").dataset.run;
const base = `/runs/${encodeURIComponent(name)}`;
const histories = new Histories($("curves"));

follow(`/api${base}/events`, {
  rows: (document_) => {
    histories.add(document_);
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
      el("td", { class: "recipe" }, each.signature)))));
}

const VERDICTS = () => ({ confirmed: _("confirmed"), refuted: _("refuted"), undecided: _("undecided") });

function chapter(each) {
  if (!each.done) return el("section", {}, el("h2", {}, el("span", { class: "name" }, each.experiment)), el("p", { class: "quiet" }, _("Not finished yet.")));
  return el("section", {},
    el("h2", {}, el("span", { class: "name" }, each.experiment), " ", each.title),
    each.interrupted ? el("p", { class: "notice" }, _("This piece was interrupted; what follows is what was done.")) : null,
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
  $("report").hidden = !run.chapters.some((each) => each.done);
  $("scores").replaceChildren(run.scores.length ? scoresTable(run.scores, full) : el("p", { class: "quiet" }, _("No score yet.")));
  $("chapters").replaceChildren(...run.chapters.map(chapter));
}

let seen = "";
whenChanged(async (latest) => {
  const brief = latest.runs.find((each) => each.name === name);
  const stamp = brief ? JSON.stringify([brief.done, brief.pieces, brief.created, brief.running]) : "";
  if (stamp === seen) return;
  seen = stamp;
  const run = await attempt(() => ask(`/api${base}`));
  if (run) draw(run);
});
