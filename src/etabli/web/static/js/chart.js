// Curves as SVG: lines, axes, a description for screen readers, the value under the pointer.

import { _, el, number, svg } from "./common.js";

const LEFT = 52, RIGHT = 12;
export const LINES = ["--c7", "--c2", "--c0", "--c6", "--c3", "--c5", "--c8", "--c1", "--c4", "--c9"];

/** Round values from low to high, about `count` of them; `whole` allows no fractions. */
export function ticks(low, high, count = 5, whole = false) {
  if (!(high > low)) return [low];
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(whole ? 1 : 0, [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough));
  const found = [];
  for (let value = Math.ceil(low / step) * step; value <= high + step * 1e-9; value += step) found.push(Number(value.toPrecision(12)));
  return found;
}

function range(values, pad = 0) {
  let low = Infinity, high = -Infinity;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (!Number.isFinite(low)) return [0, 1];
  if (low === high) return [low - 0.5, high + 0.5];
  return [low - pad * (high - low), high + pad * (high - low)];
}

/**
 * Draw series [{name, points: [[x, y], ...], dashed, color, band: [[x, low, high], ...]}] into a
 * container; returns the SVG. `color` is the index of a color, that of the series by default.
 * `names` label x = 0, 1, ...; `low` and `high` are fixed limits of the y axis.
 */
export function chart(container, { series, x = "", y = "", title = "", width = 460, height = 250, mark = null, names = null, low, high }) {
  width = Math.min(760, Math.max(260, container.clientWidth || width)); // text has the same size on every screen
  const tilted = names && (width - LEFT) / names.length < 54;
  const BOTTOM = tilted ? 62 : 34;
  const TOP = y ? 24 : 10; // the name of the y axis is above it
  const drawn = series.filter((each) => each.points.length);
  const [x0, x1] = range(drawn.flatMap((each) => each.points.map((point) => point[0])));
  const values = drawn.flatMap((each) => [...each.points.map((point) => point[1]), ...(each.band ?? []).flatMap((point) => point.slice(1))]);
  const [y0, y1] = range([...values, low ?? values[0], high ?? values[0]], 0.04);
  const whole = drawn.every((each) => each.points.every((point) => Number.isInteger(point[0])));
  const px = (value) => LEFT + ((value - x0) / (x1 - x0)) * (width - LEFT - RIGHT);
  const py = (value) => height - BOTTOM - ((value - y0) / (y1 - y0)) * (height - TOP - BOTTOM);
  const picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, class: "chart", role: "img", "aria-label": summary(title, x, drawn) });
  for (const value of ticks(y0, y1)) {
    picture.append(svg("line", { x1: LEFT, x2: width - RIGHT, y1: py(value), y2: py(value), class: "grid" }));
    picture.append(svg("text", { x: LEFT - 6, y: py(value) + 4, class: "tick", "text-anchor": "end" }, number(value)));
  }
  for (const value of names ? names.keys() : ticks(x0, x1, 6, whole)) {
    const at = [px(value), height - BOTTOM + 16];
    const turn = tilted ? { "text-anchor": "end", transform: `rotate(-45 ${at})` } : { "text-anchor": "middle" };
    picture.append(svg("text", { x: at[0], y: at[1], class: "tick", ...turn }, names ? names[value] : number(value)));
  }
  picture.append(svg("text", { x: width - RIGHT, y: height - 3, class: "axis", "text-anchor": "end" }, x));
  picture.append(svg("text", { x: 2, y: 12, class: "axis", "text-anchor": "start" }, y));
  const colorOf = (each) => LINES[(each.color ?? series.indexOf(each)) % LINES.length];
  drawn.filter((each) => each.band).forEach((each) => picture.append(band(each.band, colorOf(each), px, py)));
  drawn.forEach((each) => picture.append(line(each, colorOf(each), px, py)));
  if (mark) picture.append(svg("circle", { cx: px(mark[0]), cy: py(mark[1]), r: 5, class: "mark" }));
  container.replaceChildren(picture, legend(series));
  return picture;
}

function band(points, color, px, py) {
  const edge = (list, at) => list.map((point) => `${px(point[0]).toFixed(1)} ${py(point[at]).toFixed(1)}`).join("L");
  const area = svg("path", { class: "band", d: `M${edge(points, 2)}L${edge([...points].reverse(), 1)}Z` });
  area.style.fill = `var(${color})`;
  return area;
}

function line({ name, points, dashed }, color, px, py) {
  const path = points.map(([a, b], index) => `${index ? "L" : "M"}${px(a).toFixed(1)} ${py(b).toFixed(1)}`).join("");
  const group = svg("g", { style: null });
  const stroke = svg("path", { d: path, class: dashed ? "line dashed" : "line" });
  stroke.style.stroke = `var(${color})`;
  group.append(stroke);
  const every = Math.max(1, Math.ceil(points.length / 60));
  points.forEach(([a, b], index) => {
    if (index % every && index !== points.length - 1) return;
    const dot = svg("circle", { cx: px(a), cy: py(b), r: points.length > 60 ? 1.6 : 2.6 }, svg("title", {}, `${name}: ${number(a)} → ${number(b)}`));
    dot.style.fill = `var(${color})`;
    group.append(dot);
  });
  return group;
}

function legend(series) {
  if (series.length < 2) return "";
  return el("ul", { class: "legend" }, series.map((each, index) => {
    const mark = el("span", { class: each.dashed ? "swatch dashed" : "swatch", "aria-hidden": "true" });
    mark.style.borderColor = `var(${LINES[(each.color ?? index) % LINES.length]})`;
    return el("li", {}, mark, each.name);
  }));
}

function summary(title, x, drawn) {
  const ends = drawn.map((each) => {
    const [first, last] = [each.points[0], each.points[each.points.length - 1]];
    return _("{name} from {first} to {last}", { name: each.name, first: number(first[1]), last: number(last[1]) });
  });
  return [title, ...ends].filter(Boolean).join("; ") + (x ? ` (${x})` : "");
}
