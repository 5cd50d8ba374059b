// The explorers that the runs wrote, and the figures beside them.

import { _, $, ask, attempt, el } from "./common.js";
import { whenChanged } from "./sign.js";

let found = [];

const address = (each, file) => `/runs/${encodeURIComponent(each.run)}/${file}`;

function show(index) {
  const each = found[index];
  $("explorer").src = address(each, each.file);
  $("alone").href = address(each, each.file);
  $("figures").replaceChildren(...each.figures.map((figure) => el("figure", {},
    el("img", { src: address(each, figure.file), alt: figure.title, loading: "lazy" }),
    el("figcaption", {}, el("strong", {}, figure.title), " ", figure.caption))));
  document.body.dataset.shown = each.experiment;
}

$("which").addEventListener("change", () => show(Number($("which").value)));

let seen = "";
whenChanged(async ({ runs }) => {
  const stamp = JSON.stringify(runs.map((run) => [run.name, run.done, run.created]));
  if (stamp === seen) return;
  seen = stamp;
  const before = found[Number($("which").value)]?.file;
  found = (await attempt(() => ask("/api/untangling"))) ?? [];
  $("room").hidden = !found.length;
  if (!found.length) return;
  $("which").replaceChildren(...found.map((each, index) => el("option", { value: index, selected: each.file === before },
    `${each.title} · ${each.experiment} · ${each.run} (${each.data === "sample" ? _("sample data") : _("full data")})`)));
  if (!before || !found.some((each) => each.file === before)) {
    const best = Math.max(0, found.findIndex((each) => each.experiment === "tp2.untangling"));
    $("which").value = String(best);
    show(best);
  }
});
