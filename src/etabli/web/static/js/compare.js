// Two runs compared: scores in one table, curves on the same axes, settings that differ.

import { _, $, attempt, el, request } from "./common.js";
import { Histories } from "./curves.js";
import { fillOptions } from "./runs.js";

const query = new URLSearchParams(location.search);

function scoresTable({ runs, scores }) {
  const known = scores.some((row) => row.published !== "—");
  const heads = [_("experiment"), _("score"), ...(known ? [_("published")] : []), ...runs];
  return el("table", { class: "scores" },
    el("thead", {}, el("tr", {}, heads.map((head, index) => el("th", { scope: "col", class: index > 1 ? "number" : null }, head)))),
    el("tbody", {}, scores.map((row) => el("tr", {},
      el("td", {}, row.experiment), el("td", {}, row.score),
      known ? el("td", { class: "number" }, row.published) : null,
      row.measured.map((value, index) => el("td", { class: "number strong", title: row.recipes[index] }, value))))));
}

function settingsTable({ runs, settings }) {
  if (!settings.length) return el("p", { class: "muted" }, _("None: both runs have the same settings."));
  return el("table", {},
    el("thead", {}, el("tr", {}, [_("experiment"), _("setting"), ...runs].map((head) => el("th", { scope: "col" }, head)))),
    el("tbody", {}, settings.map((row) => el("tr", {}, [row.experiment, row.setting, ...row.values].map((cell) => el("td", {}, cell))))));
}

await attempt(async () => {
  const runs = await request("/api/runs");
  const [a, b] = [query.get("a") ?? runs[0]?.name, query.get("b") ?? runs[1]?.name ?? runs[0]?.name];
  fillOptions($("first"), runs, a);
  fillOptions($("second"), runs, b);
  if (!a || !b) return;
  const both = await request(`/api/compare?${new URLSearchParams({ a, b })}`);
  $("scores").replaceChildren(scoresTable(both));
  $("settings").replaceChildren(settingsTable(both));
  const histories = new Histories($("curves"));
  for (const name of [...new Set([a, b])]) {
    for (const history of await request(`/api/runs/${encodeURIComponent(name)}/curves`)) histories.add(history, name);
  }
  histories.draw();
  document.body.dataset.drawn = "yes";
});
