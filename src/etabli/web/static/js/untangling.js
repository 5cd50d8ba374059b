// The untangling as curves over depth and time, and the explorers that the runs wrote.

import { chart } from "./chart.js";
import { _, $, ask, attempt, el } from "./common.js";
import { whenChanged } from "./sign.js";

let found = [];
let depth = [];

const address = (each) => `/runs/${encodeURIComponent(each.run)}/${each.file}`;

function show(index) {
  const each = found[index];
  $("explorer").src = address(each);
  $("alone").href = address(each);
  $("caption").textContent = each.caption;
  document.body.dataset.shown = each.experiment;
}

function layersOf(row) {
  return Object.keys(row).filter((name) => name !== "epoch");
}

/** The hit of every layer after the chosen epoch, before learning behind it. */
function byDepth() {
  const row = depth[Number($("epoch").value)];
  const told = (each) => (each.epoch === 0 ? _("before learning") : _("after epoch {epoch}", each));
  const points = (each) => layersOf(each).map((name, place) => [place, each[name]]);
  $("epoch-shown").textContent = String(row.epoch);
  const series = [{ name: told(row), points: points(row) }];
  if (row !== depth[0]) series.push({ name: told(depth[0]), points: points(depth[0]), dashed: true });
  const all = depth.flatMap((each) => layersOf(each).map((name) => each[name]));
  chart($("depth"), { series, title: _("Through the layers"), names: layersOf(row), low: Math.min(...all), high: Math.max(...all) });
}

function grow(rows) {
  depth = rows;
  $("growing").hidden = !rows.length;
  if (!rows.length) return;
  $("epoch").max = String(rows.length - 1);
  $("epoch").value = String(rows.length - 1);
  byDepth();
  const series = layersOf(rows[0]).map((name) => ({ name, points: rows.map((row) => [row.epoch, row[name]]) }));
  chart($("time"), { series, x: _("epoch"), title: _("While it learns") });
}

$("epoch").addEventListener("input", byDepth);
$("which").addEventListener("change", () => show(Number($("which").value)));

let seen = "";
whenChanged(async ({ runs, tools }) => {
  const stamp = JSON.stringify([tools.untangling?.state, runs.map((run) => [run.name, run.done, run.created])]);
  if (stamp === seen) return;
  seen = stamp;
  const before = found[Number($("which").value)]?.file;
  const answer = await attempt(() => ask("/api/untangling"));
  if (!answer) return;
  found = answer.explorers;
  grow(answer.depth);
  $("room").hidden = !found.length;
  if (!found.length) return;
  $("which").replaceChildren(...found.map((each, index) => el("option", { value: index, selected: each.file === before },
    `${each.title} · ${each.experiment} · ${each.run} (${each.data === "sample" ? _("sample data") : _("full data")})`)));
  if (!before || !found.some((each) => each.file === before)) {
    const best = Math.max(0, found.findIndex((each) => each.experiment === "tp2.hidden"));
    $("which").value = String(best);
    show(best);
  }
});
