// The word map: point at a word, search its nearest neighbors, solve an analogy.

import { onAddress, writeState } from "./address.js";
import { Labels, Plane, color } from "./canvas.js";
import { $, attempt, el, number, request } from "./common.js";
import { ready, whenChanged } from "./models.js";

const MAX_LABELS = 250; // at a time; zooming in labels others
const STARTS = ["father", "dog", "tree"];
const ANALOGIES = [["man", "woman", "father"], ["man", "woman", "boy"], ["left", "right", "above"], ["red", "blue", "big"]];
let plane = null;
let known = null;
let shown = []; // the words that are highlighted
let arrows = []; // pairs of words: the analogy

function cross(context, [x, y]) {
  context.strokeStyle = color("--ink");
  context.lineWidth = 1.5;
  for (const [dx, dy] of [[4, 4], [4, -4]]) {
    context.beginPath();
    context.moveTo(x - dx, y - dy);
    context.lineTo(x + dx, y + dy);
    context.stroke();
  }
}

/** Draw an arrow between two words; it ends at the points' rims. */
function arrow(context, from, to) {
  const [[x0, y0], [x1, y1]] = [from, to].map((index) => plane.toCanvas(plane.points[index]));
  const length = Math.hypot(x1 - x0, y1 - y0), [dx, dy] = [(x1 - x0) / length, (y1 - y0) / length];
  if (length < 14) return;
  const [a, b] = [[x0 + 6 * dx, y0 + 6 * dy], [x1 - 6 * dx, y1 - 6 * dy]];
  context.strokeStyle = context.fillStyle = color("--accent");
  context.lineWidth = 2;
  context.beginPath();
  context.moveTo(...a);
  context.lineTo(...b);
  context.stroke();
  context.beginPath();
  context.moveTo(...b);
  context.lineTo(b[0] - 10 * dx - 5 * dy, b[1] - 10 * dy + 5 * dx);
  context.lineTo(b[0] - 10 * dx + 5 * dy, b[1] - 10 * dy - 5 * dx);
  context.fill();
}

function draw(pointed = -1) {
  const highlighted = shown.length ? new Set([...shown, pointed]) : null;
  document.body.dataset.zoom = plane.view.scale.toFixed(2);
  const context = plane.draw({ radius: known.words.length > 800 ? 2 : 3, highlighted });
  const labels = new Labels(context, plane.width, plane.height);
  const write = (index, options) => labels.write(known.words[index], plane.toCanvas(plane.points[index]), options);
  for (const [from, to] of arrows) arrow(context, from, to);
  if (pointed >= 0) write(pointed, { size: 15, style: "600", must: true });
  shown.forEach((index, place) => index !== pointed && write(index, place === 0 ? { size: 15, style: "600", must: true } : { must: arrows.length > 0 }));
  if (shown.length) { // the words around them, as a background
    if (plane.view.scale > 2) known.words.forEach((_word, index) => labels.occupied.length < MAX_LABELS && !highlighted.has(index) && write(index, { size: 11, ink: "--quiet" }));
    return;
  }
  known.centers.forEach((center) => cross(context, plane.toCanvas(center)));
  known.centers.forEach((center, index) => labels.write(known.names[index], plane.toCanvas(center), { size: 14, style: "italic", ink: "--quiet" }));
  known.words.forEach((_word, index) => labels.occupied.length < MAX_LABELS && index !== pointed && write(index, { size: 12 }));
  document.body.dataset.labels = String(labels.occupied.length);
}

function showBars(target, found) {
  const largest = Math.max(...found.map(([, cosine]) => cosine), 1e-9);
  $(target).replaceChildren(...found.flatMap(([word, cosine], place) => {
    const fill = el("i");
    fill.style.width = `${Math.max(0, (100 * cosine) / largest)}%`;
    const button = el("button", { type: "button", class: "word", onclick: () => search(word) }, word);
    return [el("dt", { class: place === 0 ? "best" : null }, button), el("dd", { class: "bar", "aria-hidden": "true" }, fill), el("dd", { class: "value" }, number(cosine, 3))];
  }));
}

async function search(word) {
  $("word").value = word;
  const answer = await attempt(() => request(`/api/words/neighbors?${new URLSearchParams({ word })}`));
  if (!answer) return;
  showBars("neighbors", answer.found);
  arrows = [];
  shown = [word.toLowerCase(), ...answer.found.map(([each]) => each)].map((each) => known.words.indexOf(each)).filter((index) => index >= 0);
  draw();
  writeState({ word, a: "", b: "", c: "" });
  document.body.dataset.found = word;
}

$("search").addEventListener("submit", (event) => {
  event.preventDefault();
  if ($("word").value.trim()) search($("word").value.trim());
});
$("analogy").addEventListener("submit", (event) => {
  event.preventDefault();
  solve();
});
async function solve() {
  const [a, b, c] = ["a", "b", "c"].map((id) => $(id).value.trim());
  if (!a || !b || !c) return;
  const answer = await attempt(() => request(`/api/words/analogy?${new URLSearchParams({ a, b, c })}`));
  if (!answer) return;
  showBars("answers", answer.found);
  shown = [answer.found[0][0], a, b, c].map((each) => known.words.indexOf(each.toLowerCase())).filter((index) => index >= 0);
  const place = (word) => known.words.indexOf(word.toLowerCase());
  arrows = [[a, b], [c, answer.found[0][0]]].map((pair) => pair.map(place)).filter((pair) => Math.min(...pair) >= 0);
  if (arrows.length) plane.zoomTo(arrows.flat().map((index) => plane.points[index]));
  draw();
  writeState({ word: "", a, b, c });
  document.body.dataset.answer = answer.found[0][0];
}
$("map").addEventListener("pointermove", (event) => {
  if (!plane) return;
  const index = plane.under(event);
  $("pointed").textContent = index >= 0 ? known.words[index] : "";
  draw(index);
});
$("map").addEventListener("click", (event) => {
  if (!plane || plane.isDragged) return;
  const index = plane.under(event);
  if (index >= 0) search(known.words[index]);
  else { shown = arrows = []; draw(); }
});
for (const [id, factor] of [["zoom-in", 1.6], ["zoom-out", 1 / 1.6], ["zoom-reset", 0]])
  $(id).addEventListener("click", () => { plane.zoom(factor); draw(); });

/** Show the word or the analogy that a link carries. */
function showLinked({ word, a, b, c }) {
  if (word) search(word);
  else if (a && b && c) {
    [$("a").value, $("b").value, $("c").value] = [a, b, c];
    solve();
  }
}

async function open() {
  known = await attempt(() => request("/api/words"));
  if (!known) return;
  $("content").hidden = false;
  $("all").replaceChildren(...known.words.map((word) => el("option", { value: word })));
  plane = new Plane($("map"), [...known.points], known.labels.map((each) => `--c${each % 10}`), () => draw());
  plane.makeZoomable(() => draw());
  draw();
  const all = new Set(known.words);
  if (!$("word").value) $("word").value = STARTS.find((word) => all.has(word)) ?? known.words[0];
  const three = ANALOGIES.find((words) => words.every((word) => all.has(word))) ?? known.words.slice(0, 3);
  three.forEach((word, index) => { $("abc"[index]).value = word; });
  onAddress(showLinked);
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => plane && draw());

let opened = false;
whenChanged(() => {
  if (opened || !ready("words")) return;
  opened = true;
  open();
});
