// The map of words: point at one, ask for its neighbours, try an analogy.

import { Labels, Plane, colour } from "./canvas.js";
import { _, $, ask, attempt, el, number } from "./common.js";
import { ready, whenChanged } from "./sign.js";

const FEW = 150; // so many words can all be written on the map
const STARTS = ["dog", "car", "tree"];
const ANALOGIES = [["man", "woman", "boy"], ["left", "right", "above"], ["red", "blue", "big"]];
let plane = null;
let known = null;
let shown = [];

function cross(context, [x, y]) {
  context.strokeStyle = colour("--ink");
  context.lineWidth = 1.5;
  for (const [dx, dy] of [[4, 4], [4, -4]]) {
    context.beginPath();
    context.moveTo(x - dx, y - dy);
    context.lineTo(x + dx, y + dy);
    context.stroke();
  }
}

function draw(pointed = -1) {
  const strong = shown.length ? new Set([...shown, pointed]) : null;
  const context = plane.draw({ radius: known.words.length > 800 ? 2 : 3, strong });
  const labels = new Labels(context, plane.width, plane.height);
  const write = (index, options) => labels.write(known.words[index], plane.at(plane.points[index]), options);
  if (pointed >= 0) write(pointed, { size: 15, style: "600", must: true });
  shown.forEach((index, place) => index !== pointed && write(index, place === 0 ? { size: 15, style: "600", must: true } : {}));
  if (shown.length) return;
  known.centres.forEach((centre) => cross(context, plane.at(centre)));
  known.centres.forEach((centre, index) => labels.write(known.names[index], plane.at(centre), { size: 14, style: "italic", ink: "--quiet" }));
  if (known.words.length <= FEW) known.words.forEach((_word, index) => index !== pointed && write(index, {}));
}

function list(target, found) {
  const most = Math.max(...found.map(([, cosine]) => cosine), 1e-9);
  $(target).replaceChildren(...found.flatMap(([word, cosine], place) => {
    const fill = el("i");
    fill.style.width = `${Math.max(0, (100 * cosine) / most)}%`;
    const button = el("button", { type: "button", class: "word", onclick: () => neighbours(word) }, word);
    return [el("dt", { class: place === 0 ? "best" : null }, button), el("dd", { class: "bar", "aria-hidden": "true" }, fill), el("dd", { class: "value" }, number(cosine, 3))];
  }));
}

async function neighbours(word) {
  $("word").value = word;
  const answer = await attempt(() => ask(`/api/words/near?${new URLSearchParams({ word })}`));
  if (!answer) return;
  list("neighbours", answer.found);
  shown = [word.toLowerCase(), ...answer.found.map(([each]) => each)].map((each) => known.words.indexOf(each)).filter((index) => index >= 0);
  draw();
  document.body.dataset.found = word;
}

$("near").addEventListener("submit", (event) => {
  event.preventDefault();
  if ($("word").value.trim()) neighbours($("word").value.trim());
});
$("analogy").addEventListener("submit", async (event) => {
  event.preventDefault();
  const [a, b, c] = ["a", "b", "c"].map((id) => $(id).value.trim());
  if (!a || !b || !c) return;
  const answer = await attempt(() => ask(`/api/words/analogy?${new URLSearchParams({ a, b, c })}`));
  if (!answer) return;
  list("answers", answer.found);
  shown = [answer.found[0][0], a, b, c].map((each) => known.words.indexOf(each.toLowerCase())).filter((index) => index >= 0);
  draw();
  document.body.dataset.answer = answer.found[0][0];
});
$("map").addEventListener("pointermove", (event) => {
  if (!plane) return;
  const index = plane.under(event);
  $("pointed").textContent = index >= 0 ? known.words[index] : "";
  draw(index);
});
$("map").addEventListener("click", (event) => {
  const index = plane?.under(event) ?? -1;
  if (index >= 0) neighbours(known.words[index]);
  else if (plane) { shown = []; draw(); }
});

async function open() {
  known = await attempt(() => ask("/api/words"));
  if (!known) return;
  $("room").hidden = false;
  $("all").replaceChildren(...known.words.map((word) => el("option", { value: word })));
  plane = new Plane($("map"), [...known.points], known.labels.map((each) => `--c${each % 10}`), () => draw());
  draw();
  const all = new Set(known.words);
  if (!$("word").value) $("word").value = STARTS.find((word) => all.has(word)) ?? known.words[0];
  const three = ANALOGIES.find((words) => words.every((word) => all.has(word))) ?? known.words.slice(0, 3);
  three.forEach((word, place) => { $("abc"[place]).value = word; });
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => plane && draw());

let opened = false;
whenChanged(() => {
  if (opened || !ready("words")) return;
  opened = true;
  open();
});
