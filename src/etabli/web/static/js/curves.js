// The histories of a run as charts: one chart for each metric of each experiment.

import { chart } from "./chart.js";
import { _, el } from "./common.js";

const STEPS = ["epoch", "update", "updates", "step", "iteration", "seconds"];

/** Return the column of the x axis: epoch where there is one. */
function stepOf(row) {
  return STEPS.find((name) => name in row);
}

/** Return the name without its subset, so that training and validation share a chart. */
function metric(name) {
  return name.replace(/^(train|test|val|valid|validation)_/, "");
}

/** Collects rows as they arrive and draws them; `label` is the run, where there are several. */
export class Histories {
  constructor(container) {
    this.container = container;
    this.charts = new Map();
  }

  add({ experiment, seed, curve, restarted, rows }, label = "") {
    for (const [index, row] of rows.entries()) {
      const step = stepOf(row);
      for (const [name, value] of Object.entries(row)) {
        if (name === step || STEPS.includes(name) || typeof value !== "number") continue;
        this.point(`${experiment} · ${metric(name)}`, [label, name, curve, `${_("seed")} ${seed}`], restarted && index === 0, [row[step], value], step);
      }
    }
  }

  point(title, parts, restarted, [x, y], step) {
    const entry = this.charts.get(title) ?? { lines: new Map(), step: step ?? "", dirty: true };
    this.charts.set(title, entry);
    const key = parts.join("\u0000");
    if (restarted || !entry.lines.has(key)) entry.lines.set(key, { parts, points: [] });
    const { points } = entry.lines.get(key);
    points.push([x ?? points.length + 1, y]);
    entry.dirty = true;
  }

  draw() {
    for (const [title, entry] of this.charts) {
      if (!entry.dirty) continue;
      entry.dirty = false;
      entry.element ??= this.addFigure(title);
      const lines = [...entry.lines.values()];
      const differs = lines[0].parts.map((part, at) => lines.some((line) => line.parts[at] !== part));
      const series = lines.slice(0, 10).map((line) => ({
        name: line.parts.filter((part, at) => differs[at] && part).join(" · ") || title,
        points: subsample(line.points),
        dashed: /^(val|test)/.test(line.parts[1]),
      }));
      chart(entry.element, { series, x: entry.step, title });
    }
  }

  addFigure(title) {
    const inside = el("div");
    this.container.append(el("figure", { class: "panel" }, el("figcaption", {}, el("strong", {}, title)), inside));
    return inside;
  }
}

function subsample(points, limit = 400) {
  if (points.length <= limit) return points;
  const every = points.length / limit;
  const kept = Array.from({ length: limit }, (_each, index) => points[Math.floor(index * every)]);
  return [...kept, points[points.length - 1]];
}
