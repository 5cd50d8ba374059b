// A photo that is dropped, pasted or chosen, or a synthetic scene from the server.

import { _, $, attempt, el, notify } from "./common.js";

const MAX_BYTES = 16 * 1024 * 1024;

/** Call back with (file, image element) for every new photo. */
export function onPhoto(callback) {
  let url = null;

  async function take(file) {
    if (!file) return;
    if (file.size > MAX_BYTES) {
      notify(_("This photo is too large; the limit is 16 MB."));
      return;
    }
    if (url) URL.revokeObjectURL(url);
    url = URL.createObjectURL(file);
    const image = el("img", { src: url, alt: _("Photo") });
    $("photo").replaceChildren(image);
    try {
      await image.decode();
    } catch {
      $("photo").replaceChildren(el("p", { class: "muted" }, _("The browser cannot display this file.")));
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
    $("drop").classList.add("drag-over");
  });
  $("drop").addEventListener("dragleave", () => $("drop").classList.remove("drag-over"));
  $("drop").addEventListener("drop", (event) => {
    event.preventDefault();
    $("drop").classList.remove("drag-over");
    take(event.dataTransfer.files[0]);
  });
  addEventListener("paste", (event) => take(event.clipboardData?.files[0]));
}
