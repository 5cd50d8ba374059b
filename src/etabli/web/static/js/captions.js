// Drop a photo: captions with their scores, and the attention over the image, word by word.

import { bytes } from "./canvas.js";
import { _, $, ask, attempt, el, newestOnly, number } from "./common.js";
import { photos } from "./photo.js";
import { ready, whenChanged } from "./sign.js";

let last = null;
let shownWord = null;

/** Darken the photo where the net did not look. */
function attention(map, [rows, columns], word) {
  shownWord?.classList.remove("chosen");
  shownWord = word;
  word.classList.add("chosen");
  const photo = $("photo").querySelector("img");
  if (!photo) return;
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

function forget() {
  shownWord?.classList.remove("chosen");
  $("photo").querySelector("canvas")?.remove();
}

function line({ words, score, maps }, grid) {
  const spoken = words.map((word, index) => {
    if (!maps) return el("span", {}, word, " ");
    const map = bytes(maps[index]);
    const button = el("button", { type: "button", class: "said" }, word);
    for (const name of ["pointerenter", "focus", "click"]) button.addEventListener(name, () => attention(map, grid, button));
    for (const name of ["pointerleave", "blur"]) button.addEventListener(name, forget);
    return el("span", {}, button, " ");
  });
  return el("li", {}, el("span", { class: "caption-text" }, spoken), el("small", {}, _("score {value}", { value: number(score, 3) })));
}

const look = newestOnly(async () => {
  if (!last || !ready("captions")) return;
  const asked = performance.now();
  const answer = await attempt(() => ask("/api/captions", { file: last }));
  if (!answer) return;
  forget();
  $("waiting").hidden = true;
  $("how").hidden = !answer.captions.some((each) => each.maps);
  $("captions").replaceChildren(...answer.captions.map((each) => line(each, answer.grid)));
  document.body.dataset.milliseconds = String(Math.round(performance.now() - asked));
  document.body.dataset.answered = "yes";
});

photos((file) => {
  last = file;
  look();
});
whenChanged(look);
