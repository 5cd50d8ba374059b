// The histories of runs as charts: one for each score of each experiment, seeds as a band.

import { chart, LINES } from "./chart.js";
import { _, el } from "./common.js";

const STEPS = ["epoch", "update", "updates", "step", "iteration", "images", "temperature", "seconds"];
const STEP_NAMES = () => ({ epoch: _("epoch"), update: _("update"), updates: _("updates"), step: _("step"), iteration: _("iteration"), images: _("training images"), temperature: _("temperature"), seconds: _("seconds") });

/**
 * Collects rows as they arrive and draws them; `run` is its name, where there are several. With
 * `apart` each of several trainings of an experiment has its own chart, for runs that are compared.
 */
export class Histories {
  constructor(container, { apart = false } = {}) {
    this.container = container;
    this.apart = apart;
    this.charts = new Map();
    this.groups = new Map();
    this.titles = {};
  }

  add({ experiment, seed, label, columns, restarted, rows }, run = "") {
    for (const [index, row] of rows.entries()) {
      const step = STEPS.find((name) => name in row);
      for (const [name, value] of Object.entries(row)) {
        if (STEPS.includes(name) || typeof value !== "number" || !columns[name]) continue;
        const { score, title, line, unit } = columns[name];
        const key = [experiment, score, this.apart ? label : ""].join("\u0000");
        const heading = this.apart && label ? `${title} · ${label}` : title;
        const entry = this.charts.get(key) ?? { experiment, title: heading, name: title, unit, step, lines: new Map() };
        this.charts.set(key, entry);
        const own = [run, line, label].join("\u0000");
        if (!entry.lines.has(own)) entry.lines.set(own, { parts: [run, line, label], dashed: /^(val|test|dev)/.test(name), seeds: new Map() });
        const { seeds } = entry.lines.get(own);
        if (!seeds.has(seed) || (restarted && index === 0)) seeds.set(seed, []);
        const points = seeds.get(seed);
        points.push([row[step] ?? points.length + 1, unit === "%" ? 100 * value : value]);
        entry.dirty = true;
      }
    }
  }

  draw() {
    for (const entry of this.charts.values()) {
      if (!entry.dirty) continue;
      entry.dirty = false;
      entry.element ??= this.addFigure(entry);
      const lines = [...entry.lines.values()];
      const differs = lines[0].parts.map((part, at) => lines.some((line) => line.parts[at] !== part));
      const runs = [...new Set(lines.map((line) => line.parts[0]))];
      const byRun = runs.length > 1 && !differs[2];
      const series = lines.slice(0, LINES.length).map((line, index) => ({
        name: line.parts.filter((part, at) => differs[at] && part).join(" · ") || line.parts.filter(Boolean).join(" · ") || entry.title,
        dashed: line.dashed,
        color: byRun ? runs.indexOf(line.parts[0]) : index,
        ...summarize([...line.seeds.values()]),
      }));
      const hidden = lines.length - series.length;
      entry.note.textContent = [
        lines.some((line) => line.seeds.size > 1) ? _("Lines: means over the seeds; bands: from the smallest to the largest value.") : "",
        hidden > 0 ? _("Lines not drawn: {count}.", { count: hidden }) : "",
      ].filter(Boolean).join(" ");
      const y = entry.unit ? `${entry.name} (${entry.unit})` : entry.name;
      chart(entry.element, { series, x: STEP_NAMES()[entry.step] ?? "", y, title: entry.title });
    }
  }

  addFigure(entry) {
    const inside = el("div");
    entry.note = el("p", { class: "muted chart-note" });
    if (!this.groups.has(entry.experiment)) {
      const group = el("div", { class: "charts" });
      this.groups.set(entry.experiment, group);
      this.container.append(el("section", { class: "curves" }, el("h3", {}, this.titles[entry.experiment] ?? entry.experiment, " ", el("span", { class: "name" }, entry.experiment)), group));
    }
    this.groups.get(entry.experiment).append(el("figure", { class: "panel" }, el("figcaption", {}, el("strong", {}, entry.title)), inside, entry.note));
    return inside;
  }
}

/** Return the points of one seed, or of several the mean and the band from the smallest to the largest. */
function summarize(seeds) {
  if (seeds.length === 1) return { points: subsample(seeds[0]) };
  const values = new Map();
  for (const [x, y] of seeds.flat()) values.set(x, [...(values.get(x) ?? []), y]);
  const at = [...values].filter(([, all]) => all.length > 1).sort(([a], [b]) => a - b);
  if (!at.length) return { points: subsample(seeds[0]) };
  return {
    points: subsample(at.map(([x, all]) => [x, all.reduce((sum, each) => sum + each, 0) / all.length])),
    band: subsample(at.map(([x, all]) => [x, Math.min(...all), Math.max(...all)])),
  };
}

function subsample(points, limit = 400) {
  if (points.length <= limit) return points;
  const every = points.length / limit;
  const kept = Array.from({ length: limit }, (_each, index) => points[Math.floor(index * every)]);
  return [...kept, points[points.length - 1]];
}
