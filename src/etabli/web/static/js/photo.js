// A photo that is dropped, pasted or chosen, or a synthetic scene from the server.

import { onAddress, writeState } from "./address.js";
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

  /** Take a photo of the user's, which no link can carry. */
  function takeOwn(file) {
    if (file) writeState({ scene: "" });
    take(file);
  }

  async function takeScene(seed) {
    const response = await fetch(`/api/photo/scene?seed=${seed}`);
    if (!response.ok) return;
    writeState({ scene: seed });
    await take(await response.blob());
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
