// The word map: point at a word, search its nearest neighbors, solve an analogy.

import { onAddress, writeState } from "./address.js";
import { Labels, Plane, color } from "./canvas.js";
import { $, attempt, el, number, request } from "./common.js";
import { ready, whenChanged } from "./models.js";

const MAX_LABELS = 150; // up to this many words are all labeled
const STARTS = ["father", "dog", "tree"];
const ANALOGIES = [["man", "woman", "father"], ["man", "woman", "boy"], ["left", "right", "above"], ["red", "blue", "big"]];
let plane = null;
let known = null;
let shown = [];

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

function draw(pointed = -1) {
  const highlighted = shown.length ? new Set([...shown, pointed]) : null;
  const context = plane.draw({ radius: known.words.length > 800 ? 2 : 3, highlighted });
  const labels = new Labels(context, plane.width, plane.height);
  const write = (index, options) => labels.write(known.words[index], plane.toCanvas(plane.points[index]), options);
  if (pointed >= 0) write(pointed, { size: 15, style: "600", must: true });
  shown.forEach((index, place) => index !== pointed && write(index, place === 0 ? { size: 15, style: "600", must: true } : {}));
  if (shown.length) return;
  known.centers.forEach((center) => cross(context, plane.toCanvas(center)));
  known.centers.forEach((center, index) => labels.write(known.names[index], plane.toCanvas(center), { size: 14, style: "italic", ink: "--quiet" }));
  if (known.words.length <= MAX_LABELS) known.words.forEach((_word, index) => index !== pointed && write(index, {}));
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
  const index = plane?.under(event) ?? -1;
  if (index >= 0) search(known.words[index]);
  else if (plane) { shown = []; draw(); }
});

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
