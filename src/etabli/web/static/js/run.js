// One run: its curves as they are written, its scores and the published ones, figures and claims.

import { _, $, addressOf, attempt, el, listen, request } from "./common.js";
import { Histories } from "./curves.js";
import { enlargeable } from "./lightbox.js";
import { whenChanged, whenProgressed } from "./models.js";
import { showProgress } from "./progress.js";

const name = $("live").dataset.run;
const base = `/runs/${encodeURIComponent(name)}`;
const histories = new Histories($("curves"));

listen(`/api${base}/events`, {
  rows: (history) => {
    histories.add(history);
    if ($("live").open) histories.draw();
    $("live").hidden = false;
  },
});
$("live").hidden = true;
$("live").addEventListener("toggle", () => $("live").open && histories.draw());

export function scoresTable(scores, full) {
  const heads = [_("experiment"), _("score"), ...(full ? [_("published")] : []), _("measured"), ...(full ? [_("difference")] : []), ""];
  return el("table", { class: "scores" },
    el("thead", {}, el("tr", {}, heads.map((each, index) => (each ? el("th", { scope: "col", class: index > 1 && index < heads.length - 1 ? "number" : null }, each) : el("td"))))),
    el("tbody", {}, scores.map((each) => el("tr", {},
      el("td", {}, each.experiment), el("td", { title: each.score }, each.label),
      full ? el("td", { class: "number" }, each.published) : null,
      el("td", { class: "number strong" }, each.measured),
      full ? el("td", { class: "number" }, each.difference) : null,
      el("td", { class: "recipe" }, el("details", {}, el("summary", {}, _("recipe")), each.recipe))))));
}

let dataset = "";
let isSample = false;
let resume = "";
const VERDICTS = () => ({ confirmed: _("confirmed"), refuted: _("refuted"), undecided: _("undecided"), not_evaluated: dataset ? _("not evaluated on {data}", { data: dataset }) : isSample ? _("not evaluated on sample data") : _("not evaluated") });

function verdicts(counts) {
  return Object.entries(VERDICTS()).filter(([verdict]) => counts[verdict]).map(([verdict, label]) =>
    el("span", { class: verdict }, el("span", { class: "verdict" }, counts[verdict] > 1 ? `${counts[verdict]} ${label}` : label), " "));
}

/** One row for each experiment, grouped by practical: its headline score and its claims. */
function summaryTable(sections, full) {
  const heads = [_("experiment"), _("score"), _("measured"), ...(full ? [_("published"), _("claims of the lab report")] : [])];
  const row = (each) => el("tr", {},
    el("td", {}, each.done ? el("a", { href: `#${each.experiment}` }, each.title) : each.experiment, " ", each.done ? el("small", { class: "muted" }, each.experiment) : null),
    el("td", {}, each.headline?.label ?? (each.done ? _("figures and tables only") : _("Not finished yet."))),
    el("td", { class: "number strong" }, each.headline?.measured ?? ""),
    full ? el("td", { class: "number" }, each.headline?.published ?? "") : null,
    full ? el("td", {}, verdicts(each.verdicts ?? {})) : null);
  const groups = new Map();
  for (const each of sections) groups.set(each.practical, [...(groups.get(each.practical) ?? []), each]);
  return el("table", { class: "scores summary" },
    el("thead", {}, el("tr", {}, heads.map((head, index) => el("th", { scope: "col", class: index === 2 || index === 3 ? "number" : null }, head)))),
    [...groups].map(([practical, own]) => el("tbody", {},
      sections.length > 1 ? el("tr", {}, el("th", { scope: "rowgroup", colspan: heads.length, class: "practical" }, practical)) : null,
      own.map(row))));
}

function section(each, _index, all) {
  if (!each.done) return "";
  return el("details", { class: "chapter", open: all.length <= 2 },
    el("summary", {}, el("h3", {}, each.title, " ", el("span", { class: "name" }, each.experiment))),
    el("section", { id: each.experiment },
      each.interrupted ? el("p", { class: "notice" }, _("This experiment was interrupted; what follows is incomplete.")) : null,
      each.pages.map((page) => el("p", { class: "page" }, el("a", { href: addressOf(`${base}/${page.file}`) }, page.title), " ", page.caption)),
      el("div", { class: "figures" }, each.figures.map((figure) => el("figure", {},
        enlargeable({ ...figure, source: addressOf(`${base}/${figure.file}`), isDrawing: figure.is_drawing }),
        el("figcaption", {}, figure.number ? el("span", { class: "answers" }, _("Lab report, figure {number}", figure)) : null, el("strong", {}, figure.title), " ", figure.caption)))),
      each.claims.length ? el("ul", { class: "claims" }, each.claims.map((claim) => el("li", { class: claim.verdict },
        el("span", { class: "verdict" }, VERDICTS()[claim.verdict]),
        el("span", {}, el("strong", {}, claim.says), el("br"), claim.counts ? `${claim.counts}. ` : "", claim.measured)))) : null,
      el("p", {}, el("a", { href: "#h-summary" }, _("Back to the summary")))));
}

/** Open the chapter of an experiment that a link names. */
function openChapter() {
  const chapter = document.getElementById(decodeURIComponent(location.hash.slice(1)))?.closest("details");
  if (chapter) {
    chapter.open = true;
    chapter.scrollIntoView();
  }
}
addEventListener("hashchange", openChapter);

function draw(run) {
  dataset = run.dataset;
  isSample = run.data === "sample";
  resume = run.resume;
  histories.titles = Object.fromEntries(run.sections.map((each) => [each.experiment, each.title ?? each.experiment]));
  const full = run.data === "full" && !dataset;
  $("facts").textContent = [
    new Date(run.created).toLocaleString(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" }),
    dataset || (full ? _("full data") : _("sample data")),
    _("seeds: {list}", { list: run.seeds.join(", ") }),
    run.running ? _("running") : "",
  ].filter(Boolean).join(" · ");
  $("report").hidden = !run.sections.some((each) => each.done);
  $("why").hidden = full;
  $("summary").replaceChildren(summaryTable(run.sections, full));
  $("problems").replaceChildren(...run.problems.map((text) => el("p", { class: "notice" }, text)));
  if (run.running) $("live").open = true;
  $("scores").replaceChildren(run.scores.length ? scoresTable(run.scores, full) : el("p", { class: "muted" }, _("No score yet.")));
  const opened = new Set([...document.querySelectorAll(".chapter[open] > section")].map((each) => each.id));
  $("sections").replaceChildren(...run.sections.map(section));
  for (const id of opened) document.getElementById(id)?.closest("details")?.setAttribute("open", "");
  openChapter();
}

let progress = {};
const follow = () => showProgress($("progress"), progress[name], resume);
whenProgressed((newest) => {
  progress = newest;
  follow();
});

let lastVersion = "";
whenChanged(async (latest) => {
  const summary = latest.runs.find((each) => each.name === name);
  const version = summary ? JSON.stringify([summary.done, summary.total, summary.created, summary.running, summary.stopped, summary.broken]) : "gone";
  if (version === lastVersion) return;
  lastVersion = version;
  const run = await attempt(() => request(`/api${base}`));
  if (run) draw(run);
  follow();
});
