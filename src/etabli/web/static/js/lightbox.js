// Figures that a click enlarges: a dialog with the figure alone, closed with Escape or a click.

import { _, el } from "./common.js";

let dialog = null;

/** Create a button with a figure; it has its size before it is loaded, and a click enlarges it. */
export function enlargeable({ source, title, width, height, isDrawing }) {
  const image = () => el("img", { src: source, alt: title, width, height, loading: "lazy", class: isDrawing ? "drawing" : null });
  return el("button", { type: "button", class: "enlarge", "aria-label": _("Enlarge the figure: {title}", { title }), onclick: () => open(image(), title) }, image());
}

function open(image, title) {
  dialog ??= document.body.appendChild(el("dialog", { class: "lightbox", onclick: () => dialog.close() }));
  image.removeAttribute("loading");
  dialog.setAttribute("aria-label", title);
  dialog.replaceChildren(el("button", { type: "button", class: "close", "aria-label": _("Close") }, "×"), image);
  dialog.showModal();
}
