// The untangling as curves by layer and by epoch, and the explorers that runs wrote.

import { readState, writeState } from "./address.js";
import { chart } from "./chart.js";
import { _, $, addressOf, attempt, el, language, request } from "./common.js";
import { whenChanged } from "./models.js";

let explorers = [];
let epochs = [];
let isChosen = false; // by hand: nothing that is loaded later replaces it

const urlOf = (each) => addressOf(each.url ?? `/runs/${encodeURIComponent(each.run)}/${each.file}`);
const nameOf = (each) => (each.url ? each.title : `${each.title} · ${each.experiment} · ${each.run} (${each.dataset || (each.data === "sample" ? _("sample data") : _("full data"))})`);

const keyOf = (each) => (each.url ? "planes" : `${each.run}/${each.file}`);

/** Show an explorer, with the view of a link if there is one. */
function show(index, view = "") {
  const each = explorers[index];
  $("explorer").src = urlOf(each) + (view ? `#${view}` : "");
  $("open").href = $("explorer").src;
  $("caption").textContent = each.caption;
  document.body.dataset.shown = each.experiment;
}

function layersOf(row) {
  return Object.keys(row).filter((name) => name !== "epoch");
}

/** Plot the hit of every layer at the selected epoch, and before training. */
function plotByLayer() {
  const row = epochs[Number($("epoch").value)];
  const describe = (each) => (each.epoch === 0 ? _("before training") : _("after epoch {epoch}", each));
  const points = (each) => layersOf(each).map((name, index) => [index, each[name]]);
  $("epoch-shown").textContent = String(row.epoch);
  const series = [{ name: describe(row), points: points(row) }];
  if (row !== epochs[0]) series.push({ name: describe(epochs[0]), points: points(epochs[0]), dashed: true });
  const all = epochs.flatMap((each) => layersOf(each).map((name) => each[name]));
  chart($("layers"), { series, x: _("layer"), y: _("neighborhood hit"), title: _("By layer"), names: layersOf(row), low: Math.min(...all), high: Math.max(...all) });
}

function plot(rows) {
  epochs = rows;
  $("depth").hidden = !rows.length;
  if (!rows.length) return;
  $("epoch").max = String(rows.length - 1);
  $("epoch").value = readState().epoch ?? String(rows.length - 1);
  plotByLayer();
  const series = layersOf(rows[0]).map((name) => ({ name, points: rows.map((row) => [row.epoch, row[name]]) }));
  chart($("time"), { series, x: _("epoch"), y: _("neighborhood hit"), title: _("During training") });
}

$("epoch").addEventListener("input", () => {
  writeState({ epoch: $("epoch").value });
  plotByLayer();
});
$("which").addEventListener("change", () => {
  isChosen = true;
  writeState({ explorer: keyOf(explorers[Number($("which").value)]), view: "" });
  show(Number($("which").value));
});
addEventListener("message", ({ source, data }) => {
  if (source !== $("explorer").contentWindow || typeof data?.view !== "string" || data.view.length > 4000) return;
  const each = explorers[Number($("which").value)];
  $("open").href = `${urlOf(each)}#${data.view}`;
  writeState({ explorer: data.view ? keyOf(each) : "", view: data.view });
});

let lastVersion = "";
whenChanged(async ({ runs, models }) => {
  const version = JSON.stringify([models.untangling?.state, models["untangling.planes"]?.state, runs.map((run) => [run.name, run.done, run.created])]);
  if (version === lastVersion) return;
  lastVersion = version;
  const before = explorers[Number($("which").value)]?.file;
  const answer = await attempt(() => request("/api/untangling"));
  if (!answer) return;
  const planes = { title: _("All layers and epochs of both nets"), caption: "", experiment: "planes", file: answer.planes, url: `${answer.planes}?lang=${language}` };
  explorers = [...(answer.planes ? [planes] : []), ...answer.explorers];
  plot(answer.depth);
  $("explorers").hidden = !explorers.length;
  if (!explorers.length) return;
  $("which").replaceChildren(...explorers.map((each, index) => el("option", { value: index, selected: each.file === before },
    nameOf(each))));
  if (isChosen && explorers.some((each) => each.file === before)) return;
  const linked = explorers.findIndex((each) => keyOf(each) === readState().explorer);
  const best = linked >= 0 ? linked : Math.max(0, explorers.findIndex((each) => each.url || each.experiment === "tp2.hidden"));
  $("which").value = String(best);
  if (explorers[best].file !== before) show(best, linked >= 0 ? readState().view : "");
});
