// Histories of a run as charts: one chart for each quantity of each experiment.

import { chart } from "./chart.js";
import { _, el } from "./common.js";

const STEPS = ["epoch", "update", "updates", "step", "iteration", "seconds"];

/** The column that counts: epoch where there is one. */
function stepOf(row) {
  return STEPS.find((name) => name in row);
}

/** What two quantities share, so that train and validation land on one chart. */
function quantity(name) {
  return name.replace(/^(train|test|val|valid|validation)_/, "");
}

/** Collects rows as they come and draws them; `label` tells runs apart where there are several. */
export class Histories {
  constructor(container) {
    this.container = container;
    this.charts = new Map();
  }

  add({ experiment, seed, curve, anew, rows }, label = "") {
    for (const [index, row] of rows.entries()) {
      const step = stepOf(row);
      for (const [name, value] of Object.entries(row)) {
        if (name === step || STEPS.includes(name) || typeof value !== "number") continue;
        this.point(`${experiment} · ${quantity(name)}`, [label, name, curve, `${_("seed")} ${seed}`], anew && index === 0, [row[step], value], step);
      }
    }
  }

  point(title, parts, anew, [x, y], step) {
    const entry = this.charts.get(title) ?? { lines: new Map(), step: step ?? "", dirty: true };
    this.charts.set(title, entry);
    const key = parts.join("\u0000");
    if (anew || !entry.lines.has(key)) entry.lines.set(key, { parts, points: [] });
    const { points } = entry.lines.get(key);
    points.push([x ?? points.length + 1, y]);
    entry.dirty = true;
  }

  draw() {
    for (const [title, entry] of this.charts) {
      if (!entry.dirty) continue;
      entry.dirty = false;
      entry.element ??= this.place(title);
      const lines = [...entry.lines.values()];
      const telling = lines[0].parts.map((part, at) => lines.some((line) => line.parts[at] !== part));
      const series = lines.slice(0, 10).map((line) => ({
        name: line.parts.filter((part, at) => telling[at] && part).join(" · ") || title,
        points: thinned(line.points),
        dashed: /^(val|test)/.test(line.parts[1]),
      }));
      chart(entry.element, { series, x: entry.step, title });
    }
  }

  place(title) {
    const inside = el("div");
    this.container.append(el("figure", { class: "card" }, el("figcaption", {}, el("strong", {}, title)), inside));
    return inside;
  }
}

function thinned(points, most = 400) {
  if (points.length <= most) return points;
  const every = points.length / most;
  const kept = Array.from({ length: most }, (_each, index) => points[Math.floor(index * every)]);
  return [...kept, points[points.length - 1]];
}
