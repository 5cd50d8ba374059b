// A photo by drop, paste or choice, or a scene drawn by the server.

import { _, $, attempt, el, say } from "./common.js";

const MOST_BYTES = 16 * 1024 * 1024;

/** Call back with (file, image element) for every new photo. */
export function photos(callback) {
  let url = null;

  async function take(file) {
    if (!file) return;
    if (file.size > MOST_BYTES) {
      say(_("This photo is too large; at most 16 MB can be sent."));
      return;
    }
    if (url) URL.revokeObjectURL(url);
    url = URL.createObjectURL(file);
    const image = el("img", { src: url, alt: _("The photo") });
    $("photo").replaceChildren(image);
    try {
      await image.decode();
    } catch {
      $("photo").replaceChildren(el("p", { class: "quiet" }, _("The browser cannot show this file.")));
    }
    callback(file, image);
  }

  $("file").addEventListener("change", () => take($("file").files[0]));
  $("scene").addEventListener("click", () => attempt(async () => {
    const response = await fetch(`/api/photo/scene?seed=${Math.floor(1e6 * Math.random())}`);
    if (response.ok) await take(await response.blob());
  }));
  $("drop").addEventListener("dragover", (event) => {
    event.preventDefault();
    $("drop").classList.add("over");
  });
  $("drop").addEventListener("dragleave", () => $("drop").classList.remove("over"));
  $("drop").addEventListener("drop", (event) => {
    event.preventDefault();
    $("drop").classList.remove("over");
    take(event.dataTransfer.files[0]);
  });
  addEventListener("paste", (event) => take(event.clipboardData?.files[0]));
}
