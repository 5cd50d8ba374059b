// Captions of a photo with their scores, and the attention over the photo, word by word.

import { bytes } from "./canvas.js";
import { _, $, attempt, el, latestOnly, number, request } from "./common.js";
import { darken, hideMap, onPhoto, showFamiliarity, showMap } from "./photo.js";
import { ready, statesKnown, whenChanged } from "./models.js";

const FRAME = 112; // width of an image of the film, in pixels

let photo = null;
let seed = null; // of a synthetic scene
let described = null;
let own = {}; // the captioners of "etabli caption train" by their key
let selectedWord = null;

function selectWord(map, grid, word) {
  selectedWord?.classList.remove("selected");
  selectedWord = word;
  word.classList.add("selected");
  showMap(map, grid);
}

function hideAttention() {
  selectedWord?.classList.remove("selected");
  hideMap();
}

function captionLine({ words, score, maps, notes }, grid) {
  const children = words.map((word, index) => {
    if (!maps) return el("span", {}, word, " ");
    const map = bytes(maps[index]);
    const button = el("button", { type: "button", class: "caption-word" }, word);
    for (const name of ["pointerenter", "focus", "click"]) button.addEventListener(name, () => selectWord(map, grid, button));
    for (const name of ["pointerleave", "blur"]) button.addEventListener(name, hideAttention);
    return el("span", {}, button, " ");
  });
  const strip = maps ? el("button", { type: "button", class: "small strip", onclick: () => showFilm({ words, maps }, grid, strip) }, _("Show its attention")) : null;
  return el("li", {}, el("span", { class: "caption-text" }, children),
    el("small", { lang: document.documentElement.lang }, _("score {value}", { value: number(score, 3) }), " ", strip),
    notes.map((note) => el("small", { class: "doubt", lang: document.documentElement.lang }, note)));
}

/** Show the photo once for each word, dark where the attention is low. */
function showFilm({ words, maps }, grid, chosen) {
  const image = $("photo").querySelector("img");
  $("film").hidden = !image?.naturalWidth;
  if ($("film").hidden) return;
  for (const each of $("captions").querySelectorAll(".strip")) each.setAttribute("aria-pressed", each === chosen);
  const [width, height] = [FRAME, Math.round(FRAME * image.naturalHeight / image.naturalWidth)];
  $("film").querySelector("ol").replaceChildren(...words.map((word, index) => {
    const canvas = el("canvas", { width, height, "aria-hidden": "true" });
    const veil = el("canvas");
    darken(veil, bytes(maps[index]), grid);
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0, width, height);
    context.drawImage(veil, 0, 0, width, height);
    return el("li", {}, canvas, el("span", {}, word));
  }));
}

/** List the objects of a synthetic scene, and whether a caption names them. */
async function showTruth(caption) {
  $("truth").hidden = true;
  if (seed === null) return;
  const { objects } = await request(`/api/photo/scene/objects?seed=${seed}`);
  const text = ` ${caption?.words.join(" ") ?? ""} `;
  $("truth").querySelector("ul").replaceChildren(...objects.map((name) => {
    const isNamed = text.includes(` ${name} `);
    return el("li", { class: isNamed ? "named" : null }, el("span", { "aria-hidden": "true" }, isNamed ? "✓ " : "– "), name);
  }));
  $("truth").hidden = false;
}

const net = () => $("own").value;
const usable = () => (net() ? net() in own : ready("captions"));
const address = (more = "") => `/api/captions?net=${encodeURIComponent(net())}${more}`;

/** List your own captioners in a menu, after that of a run. */
async function listOwn() {
  own = (await attempt(() => request("/api/captions/own"))) ?? {};
  $("own-line").hidden = !Object.keys(own).length;
  refresh();
}

function refresh() {
  if (!statesKnown()) return; // a model of your own is not the first choice, only the faster answer
  const options = [...(ready("captions") || !Object.keys(own).length ? [["", _("captioner of a run")]] : []), ...Object.entries(own)];
  if (options.map(([key]) => key).join("/") !== [...$("own").options].map((each) => each.value).join("/")) {
    const before = net();
    $("own").replaceChildren(...options.map(([value, name]) => el("option", { value }, name)));
    if (options.some(([key]) => key === before)) $("own").value = before;
  }
  update();
}

async function describe() {
  if (described || !usable()) return;
  described = await request(address()).catch(() => null);
  if (!described) return;
  const { words, images, kind } = described;
  const texts = { words, images: images ? number(images) : "?", kind };
  $("known").textContent = kind === "drawn scenes"
    ? _("This captioner knows {words} words. It was trained on {images} drawn scenes, and knows nothing else.", texts)
    : _("This captioner knows {words} words. It was trained on {images} images: {kind}.", texts);
}

function showCaptions({ captions, grid }) {
  $("explanation").hidden = !captions.some((each) => each.maps);
  $("captions").replaceChildren(...captions.map((each) => captionLine(each, grid)));
  $("film").hidden = true;
  if (captions[0]?.maps) showFilm(captions[0], grid, $("captions").querySelector(".strip"));
}

const update = latestOnly(async () => {
  await describe();
  if (!photo || !usable()) return;
  const started = performance.now();
  const answer = await attempt(() => request(address(), { file: photo }));
  if (!answer) return;
  hideAttention();
  $("placeholder").hidden = true;
  showFamiliarity(answer.familiarity, described?.kind === "drawn scenes"
    ? _("This captioner knows drawn scenes only; it does not know such images.")
    : _("This image is unlike those that the captioner was trained on; it does not know such images."));
  showCaptions(answer);
  await attempt(() => showTruth(answer.captions[0]));
  document.body.dataset.milliseconds = String(Math.round(performance.now() - started));
  document.body.dataset.answered = "yes";
});

$("guesses").addEventListener("toggle", async () => {
  if (!$("guesses").open || $("captions").children.length || !photo) return;
  const answer = await attempt(() => request(address("&anyway=true"), { file: photo }));
  if (answer) showCaptions(answer);
});

onPhoto((file, _image, scene) => {
  photo = file;
  seed = scene;
  update();
});
$("own").addEventListener("change", () => {
  described = null;
  update();
});
whenChanged(refresh);
listOwn();
