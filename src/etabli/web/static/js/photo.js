// A photo that is dropped, pasted or chosen, or a synthetic scene from the server.

import { onAddress, writeState } from "./address.js";
import { _, $, attempt, el, notify, number } from "./common.js";

const MAX_BYTES = 16 * 1024 * 1024;
const MAX_SIDE = 1024; // of the photo that is sent: nets read at most a few hundred pixels a side

/** Return a photo as a smaller JPEG, or itself where it is small or cannot be decoded here. */
async function reduce(file, image) {
  const [width, height] = [image.naturalWidth, image.naturalHeight];
  const scale = MAX_SIDE / Math.max(width, height, 1);
  if (!width || scale >= 1) return file;
  const canvas = el("canvas", { width: Math.round(scale * width), height: Math.round(scale * height) });
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff"; // as the server fills transparent pixels
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  const smaller = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.92));
  return smaller ?? file;
}

/** Call back with (reduced file, image element, seed of a scene or null) for every new photo. */
export function onPhoto(callback) {
  let url = null;
  let turn = 0; // of the latest photo: an earlier one may take longer

  async function take(file, seed = null) {
    if (!file) return;
    const mine = ++turn;
    if (url) URL.revokeObjectURL(url);
    url = URL.createObjectURL(file);
    const image = el("img", { src: url, alt: _("Photo") });
    $("photo").replaceChildren(image);
    try {
      await image.decode();
    } catch {
      $("photo").replaceChildren(el("p", { class: "muted" }, _("The browser cannot display this file.")));
    }
    const sent = await reduce(file, image);
    if (mine !== turn) return;
    if (sent.size > MAX_BYTES) notify(_("This photo is too large; the limit is 16 MB."));
    else callback(sent, image, seed);
  }

  /** Take a photo of the user's, which no link can carry. */
  function takeOwn(file) {
    if (file) writeState({ scene: "" });
    take(file);
  }

  async function takeScene(seed) {
    const response = await fetch(`/api/photo/scene?seed=${seed}`);
    if (!response.ok) return;
    writeState({ scene: seed });
    await take(await response.blob(), seed);
  }

  $("file").addEventListener("change", () => takeOwn($("file").files[0]));
  $("scene").addEventListener("click", () => attempt(() => takeScene(Math.floor(1e6 * Math.random()))));
  onAddress(({ scene }) => /^\d{1,9}$/.test(scene ?? "") && attempt(() => takeScene(scene)));
  $("drop").addEventListener("dragover", (event) => {
    event.preventDefault();
    $("drop").classList.add("drag-over");
  });
  $("drop").addEventListener("dragleave", () => $("drop").classList.remove("drag-over"));
  $("drop").addEventListener("drop", (event) => {
    event.preventDefault();
    $("drop").classList.remove("drag-over");
    takeOwn(event.dataTransfer.files[0]);
  });
  addEventListener("paste", (event) => takeOwn(event.clipboardData?.files[0]));
}

/** Darken the photo where a map (bytes, rows x columns) is low. */
export function showMap(map, [rows, columns]) {
  if (!$("photo").querySelector("img")) return;
  let canvas = $("photo").querySelector("canvas");
  if (!canvas) {
    canvas = el("canvas", { "aria-hidden": "true" });
    $("photo").append(canvas);
  }
  darken(canvas, map, [rows, columns]);
}

/** Draw a map on a canvas as a veil that is dark where the map is low. */
export function darken(canvas, map, [rows, columns]) {
  canvas.width = columns;
  canvas.height = rows;
  const image = new ImageData(columns, rows);
  map.forEach((value, at) => image.data.set([12, 14, 20, Math.round(0.82 * (255 - value))], 4 * at));
  canvas.getContext("2d").putImageData(image, 0, 0);
}

/** Show the photo itself again. */
export const hideMap = () => $("photo").querySelector("canvas")?.remove();

/** Warn of an image that is far from the training images, and fold the answer; return if it is. */
export function showFamiliarity(familiarity, sentence) {
  const isFar = Boolean(familiarity?.is_far);
  $("far").hidden = !isFar;
  $("far").textContent = isFar ? `${sentence} ${_("Its distance from them is {distance}; for 99 % of them it is at most {limit}.", { distance: number(familiarity.distance, 2), limit: number(familiarity.limit, 2) })}` : "";
  $("guesses").open = !isFar;
  $("guesses").querySelector("summary").hidden = !isFar;
  return isFar;
}
