// Captions of a photo with their scores, and the attention over the photo, word by word.

import { bytes } from "./canvas.js";
import { _, $, attempt, el, latestOnly, number, request } from "./common.js";
import { onPhoto } from "./photo.js";
import { ready, whenChanged } from "./models.js";

let photo = null;
let selectedWord = null;

/** Darken the photo where the attention is low. */
function showAttention(map, [rows, columns], word) {
  selectedWord?.classList.remove("selected");
  selectedWord = word;
  word.classList.add("selected");
  if (!$("photo").querySelector("img")) return;
  let canvas = $("photo").querySelector("canvas");
  if (!canvas) {
    canvas = el("canvas", { "aria-hidden": "true" });
    $("photo").append(canvas);
  }
  canvas.width = columns;
  canvas.height = rows;
  const image = new ImageData(columns, rows);
  map.forEach((value, at) => image.data.set([12, 14, 20, Math.round(0.82 * (255 - value))], 4 * at));
  canvas.getContext("2d").putImageData(image, 0, 0);
}

function hideAttention() {
  selectedWord?.classList.remove("selected");
  $("photo").querySelector("canvas")?.remove();
}

function captionLine({ words, score, maps }, grid) {
  const children = words.map((word, index) => {
    if (!maps) return el("span", {}, word, " ");
    const map = bytes(maps[index]);
    const button = el("button", { type: "button", class: "caption-word" }, word);
    for (const name of ["pointerenter", "focus", "click"]) button.addEventListener(name, () => showAttention(map, grid, button));
    for (const name of ["pointerleave", "blur"]) button.addEventListener(name, hideAttention);
    return el("span", {}, button, " ");
  });
  return el("li", {}, el("span", { class: "caption-text" }, children), el("small", {}, _("score {value}", { value: number(score, 3) })));
}

const update = latestOnly(async () => {
  if (!photo || !ready("captions")) return;
  const started = performance.now();
  const answer = await attempt(() => request("/api/captions", { file: photo }));
  if (!answer) return;
  hideAttention();
  $("placeholder").hidden = true;
  $("explanation").hidden = !answer.captions.some((each) => each.maps);
  $("captions").replaceChildren(...answer.captions.map((each) => captionLine(each, answer.grid)));
  document.body.dataset.milliseconds = String(Math.round(performance.now() - started));
  document.body.dataset.answered = "yes";
});

onPhoto((file) => {
  photo = file;
  update();
});
whenChanged(update);
