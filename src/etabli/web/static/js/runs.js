// The list of runs: sorted, searched, ticked to be compared, renamed, deleted.

import { _, $, addressOf, attempt, el, isPublished, notify, request } from "./common.js";
import { readState, writeState } from "./address.js";
import { whenChanged, whenProgressed } from "./models.js";
import { describe } from "./progress.js";

const MOST = 10; // runs in a comparison
const mayChange = !isPublished && document.body.dataset.role !== "class";
const ticked = new Set();
let runs = [];
let order = { by: "created", down: true, ...readOrder() };

const formatDate = (text) => (text ? new Date(text).toLocaleString(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" }) : "");
const href = (run, more = "") => addressOf(`/runs/${encodeURIComponent(run.name)}${more}`);
const dataOf = (run) => run.dataset || (run.data === "sample" ? _("sample data") : run.data ? _("full data") : "");
const scoreOf = (run) => run.scores.find((each) => each.experiment === $("headline").value) ?? ($("headline").value ? undefined : run.scores.length === 1 ? run.scores[0] : undefined);

function readOrder() {
  const [by, way] = (readState().sort ?? "").split(".");
  return by ? { by, down: way === "down" } : {};
}

function badge(run) {
  if (run.broken) return el("span", { class: "badge broken" }, _("cannot be read"));
  if (run.running) return el("span", { class: "badge running" }, _("running, {done} of {total}", run));
  if (run.stopped) return el("span", { class: "badge stopped" }, _("interrupted, {done} of {total}", run));
  return el("span", { class: "badge done" }, _("finished"));
}

/** Abbreviate a long list of experiments: each practical with its number of experiments. */
function abbreviate(names) {
  if (names.length <= 4) return names.join(", ");
  const practicals = new Map();
  for (const name of names) practicals.set(name.split(".")[0], [...(practicals.get(name.split(".")[0]) ?? []), name]);
  return [...practicals].map(([practical, own]) => (own.length > 1 ? `${practical} (${own.length})` : own.join(", "))).join(", ");
}

function facts(run) {
  const score = scoreOf(run);
  return [
    el("td", { class: "run-name" }, el("a", { href: href(run) }, run.name), el("small", { class: "progress-text", hidden: true })),
    el("td", { class: "short", "data-label": _("created") }, formatDate(run.created)),
    el("td", { "data-label": _("data") }, dataOf(run)),
    el("td", { class: "wide", "data-label": _("experiments"), title: run.experiments.join(", ") }, abbreviate(run.experiments)),
    el("td", { class: "number", "data-label": _("seeds") }, String(run.seeds.length)),
    el("td", { class: "number", "data-label": _("score") }, score ? el("span", {}, el("span", { class: "strong" }, score.text), el("small", { class: "block muted" }, score.label)) : ""),
  ];
}

function row(run) {
  return el("tr", { "data-run": run.name },
    isPublished ? null : el("td", {}, el("input", { type: "checkbox", "aria-label": _("Choose {run}", { run: run.name }), checked: ticked.has(run.name), disabled: Boolean(run.broken), onchange: (event) => tick(run.name, event.target.checked) })),
    ...(run.broken ? [el("td", { class: "run-name", colspan: 6 }, el("strong", {}, run.name), el("p", { class: "reason" }, run.broken))] : facts(run)),
    el("td", { "data-label": _("state") }, badge(run)),
    el("td", { class: "actions" },
      run.done ? el("a", { href: href(run, "/report.html") }, _("report")) : null,
      mayChange ? el("button", { type: "button", class: "small", disabled: run.running, "aria-label": _("Rename {run}", { run: run.name }), onclick: () => askName(run) }, _("Rename")) : null,
      mayChange ? el("button", { type: "button", class: "small", disabled: run.running, "aria-label": _("Delete {run}", { run: run.name }), onclick: () => askDeletion(run) }, _("Delete")) : null));
}

function tick(name, isTicked) {
  if (isTicked) ticked.add(name);
  else ticked.delete(name);
  drawChoice();
}

function drawChoice() {
  const names = runs.map((run) => run.name).filter((name) => ticked.has(name));
  $("compare").disabled = names.length < 2 || names.length > MOST;
  $("clear").hidden = !names.length;
  $("chosen").textContent = names.length === 2 ? _("Compare {first} with {second}", { first: names[1], second: names[0] }) : names.length > MOST ? _("At most {count} runs are compared.", { count: MOST }) : names.length ? _("{count} chosen", { count: names.length }) : _("Tick two or more runs to compare them.");
}

const KEYS = {
  name: (run) => run.name.toLowerCase(),
  created: (run) => run.created,
  data: dataOf,
  experiments: (run) => run.experiments.length,
  seeds: (run) => run.seeds.length,
  score: (run) => scoreOf(run)?.value ?? -Infinity,
  state: (run) => (run.broken ? 3 : run.stopped ? 2 : run.running ? 0 : 1),
};

function sorted() {
  const key = KEYS[order.by] ?? KEYS.created;
  const text = $("filter").value.trim().toLowerCase();
  const shown = runs.filter((run) => !text || `${run.name} ${run.experiments.join(" ")}`.toLowerCase().includes(text));
  const compare = (a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0);
  return shown.sort((a, b) => (order.down ? -1 : 1) * compare(a, b));
}

function heading(by, text, kind = null) {
  const current = order.by === by;
  return el("th", { scope: "col", class: kind, "aria-sort": current ? (order.down ? "descending" : "ascending") : null },
    el("button", { type: "button", class: "sort", "data-by": by, onclick: () => sortBy(by) }, text, el("span", { "aria-hidden": "true" }, current ? (order.down ? " ▼" : " ▲") : "")));
}

function sortBy(by) {
  order = { by, down: order.by === by ? !order.down : by === "created" || by === "score" };
  writeState({ sort: `${order.by}.${order.down ? "down" : "up"}` });
  drawTable();
  document.querySelector(`[data-by=${by}]`).focus();
}

function drawTable() {
  $("list").replaceChildren(el("div", { class: "scroll" }, el("table", { class: "scores runs cards" },
    el("thead", {}, el("tr", {}, isPublished ? null : el("td", {}), heading("name", _("run")), heading("created", _("created")), heading("data", _("data")), heading("experiments", _("experiments")), heading("seeds", _("seeds"), "number"), heading("score", _("score"), "number"), heading("state", _("state")), el("td", {}))),
    el("tbody", {}, sorted().map(row)))));
  if (!isPublished) drawChoice();
}

/** Offer the headline score of every experiment that some run has; one that most runs have first. */
function fillHeadlines() {
  const counts = new Map();
  for (const { experiment, title } of runs.flatMap((run) => run.scores)) counts.set(experiment, { title, count: (counts.get(experiment)?.count ?? 0) + 1 });
  const known = [...counts].sort(([, a], [, b]) => b.count - a.count);
  const before = $("headline").value || readState().score;
  $("headline").replaceChildren(...known.map(([experiment, { title }]) => el("option", { value: experiment }, `${title} · ${experiment}`)));
  if (counts.has(before)) $("headline").value = before;
  $("headline-label").hidden = known.length < 2;
}

function draw() {
  $("tools").hidden = !runs.length;
  for (const name of ticked) if (!runs.some((run) => run.name === name)) ticked.delete(name);
  if (!runs.length) {
    $("list").replaceChildren(el("p", { class: "empty" }, _("There is no run in this folder yet. Start one in a terminal:"), " ", el("code", {}, "etabli run tp1")));
    return;
  }
  fillHeadlines();
  drawTable();
}

/** Ask in a dialog; resolves to its form's value, or to null. */
function ask(title, body, action) {
  const dialog = el("dialog", { class: "ask", "aria-label": title },
    el("form", { method: "dialog" }, el("h2", {}, title), body,
      el("p", { class: "row" }, el("button", { value: "yes", class: "primary" }, action), el("button", { value: "", type: "button", onclick: () => dialog.close() }, _("Cancel")))));
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => {
    resolve(dialog.returnValue === "yes" ? new FormData(dialog.querySelector("form")) : null);
    dialog.remove();
  }));
}

async function askName(run) {
  const input = el("input", { type: "text", name: "name", value: run.name, required: true, maxlength: 100, spellcheck: "false" });
  const answer = await ask(_("Rename {run}", { run: run.name }), el("label", {}, _("New name"), " ", input), _("Rename"));
  if (!answer || answer.get("name") === run.name) return;
  await attempt(() => request("/api/runs/rename", { body: { run: run.name, name: answer.get("name") } }));
}

async function askDeletion(run) {
  const text = _("Everything that Établi wrote in this run is deleted: scores, figures, trained nets. This cannot be undone.");
  if (!(await ask(_("Delete {run}?", { run: run.name }), el("p", {}, text), _("Delete")))) return;
  const answer = await attempt(() => request("/api/runs/delete", { body: { run: run.name } }));
  if (answer?.left.length) notify(_("Deleted. Files that Établi did not write stay in its folder: {files}", { files: answer.left.join(", ") }));
}

let progress = {};

function follow() {
  for (const line of document.querySelectorAll("tr[data-run]")) {
    const text = line.querySelector(".progress-text");
    if (!text) continue; // a run that cannot be read
    const own = progress[line.dataset.run];
    text.hidden = !own?.running;
    text.textContent = own?.running ? describe(own) : "";
  }
}

$("compare").parentElement.hidden = isPublished;
$("filter").addEventListener("input", drawTable);
$("headline").addEventListener("change", () => {
  writeState({ score: $("headline").value });
  drawTable();
});
$("clear").addEventListener("click", () => {
  ticked.clear();
  drawTable();
});
$("compare").addEventListener("click", () => {
  // The older run first: differences are then those of the newer one.
  const names = runs.filter((run) => ticked.has(run.name)).map((run) => run.name).reverse();
  location.href = `/compare?${new URLSearchParams({ runs: names.join("/") })}`;
});

let lastVersion = "";
whenChanged(async (latest) => {
  const version = JSON.stringify(latest.runs);
  if (version === lastVersion) return;
  lastVersion = version;
  const found = await attempt(() => request("/api/runs"));
  if (!found) return;
  runs = found;
  draw();
  follow();
});
whenProgressed((newest) => {
  progress = newest;
  follow();
});
