// Two runs side by side: scores in one table, curves on the same axes, settings that differ.

import { _, $, ask, attempt, el } from "./common.js";
import { Histories } from "./curves.js";
import { options } from "./runs.js";

const query = new URLSearchParams(location.search);

function scores({ runs, rows }) {
  const known = rows.some((row) => row.published !== "—");
  const heads = [_("experiment"), _("score"), ...(known ? [_("published")] : []), ...runs];
  return el("table", { class: "scores" },
    el("thead", {}, el("tr", {}, heads.map((head, index) => el("th", { scope: "col", class: index > 1 ? "number" : null }, head)))),
    el("tbody", {}, rows.map((row) => el("tr", {},
      el("td", {}, row.experiment), el("td", {}, row.score),
      known ? el("td", { class: "number" }, row.published) : null,
      row.measured.map((value, index) => el("td", { class: "number strong", title: row.signatures[index] }, value))))));
}

function settings({ runs, settings: rows }) {
  if (!rows.length) return el("p", { class: "quiet" }, _("None: both ran with the same settings."));
  return el("table", {},
    el("thead", {}, el("tr", {}, [_("experiment"), _("setting"), ...runs].map((head) => el("th", { scope: "col" }, head)))),
    el("tbody", {}, rows.map((row) => el("tr", {}, [row.experiment, row.setting, ...row.values].map((cell) => el("td", {}, cell))))));
}

await attempt(async () => {
  const runs = await ask("/api/runs");
  const [a, b] = [query.get("a") ?? runs[0]?.name, query.get("b") ?? runs[1]?.name ?? runs[0]?.name];
  options($("first"), runs, a);
  options($("second"), runs, b);
  if (!a || !b) return;
  const both = await ask(`/api/compare?${new URLSearchParams({ a, b })}`);
  $("scores").replaceChildren(scores(both));
  $("settings").replaceChildren(settings(both));
  const histories = new Histories($("curves"));
  for (const name of [...new Set([a, b])]) {
    for (const history of await ask(`/api/runs/${encodeURIComponent(name)}/curves`)) histories.add(history, name);
  }
  histories.draw();
  document.body.dataset.drawn = "yes";
});
