// The classes of a photo and its nearest training images.

import { _, $, attempt, el, latestOnly, number, percent, request } from "./common.js";
import { onPhoto } from "./photo.js";
import { ready, whenChanged } from "./models.js";

let photo = null;

function showClasses(found) {
  $("classes").replaceChildren(...found.flatMap(({ name, score, predicted }) => {
    const fill = el("i");
    fill.style.width = `${100 * score}%`;
    return [el("dt", { class: predicted ? "best" : null }, name), el("dd", { class: "bar", "aria-hidden": "true" }, fill), el("dd", { class: "value" }, percent(score))];
  }));
}

function showNearest(found) {
  $("nearest").hidden = !found.length;
  const describe = (labels) => labels.join(", ") || _("none of these classes");
  $("images").replaceChildren(...found.map(({ index, labels, similarity }) => el("li", {},
    el("img", { src: `/api/transfer/images/${index}`, alt: describe(labels), loading: "lazy" }),
    el("span", {}, describe(labels)), el("small", {}, _("similarity {value}", { value: number(similarity, 3) })))));
}

const update = latestOnly(async () => {
  if (!photo || !ready("transfer")) return;
  const started = performance.now();
  const answer = await attempt(() => request("/api/transfer", { file: photo }));
  if (!answer) return;
  $("placeholder").hidden = true;
  $("threshold").hidden = !answer.classes.some((each) => each.predicted);
  showClasses(answer.classes);
  showNearest(answer.nearest);
  document.body.dataset.milliseconds = String(Math.round(performance.now() - started));
  document.body.dataset.answered = "yes";
});

onPhoto((file) => {
  photo = file;
  update();
});
whenChanged(update);
