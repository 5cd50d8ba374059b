// Drop a photo: classes and the nearest training images.

import { _, $, ask, attempt, el, newestOnly, number, percent } from "./common.js";
import { photos } from "./photo.js";
import { ready, whenChanged } from "./sign.js";

let last = null;

function classes(found) {
  $("classes").replaceChildren(...found.flatMap(({ name, score, decided }) => {
    const fill = el("i");
    fill.style.width = `${100 * score}%`;
    return [el("dt", { class: decided ? "best" : null }, name), el("dd", { class: "bar", "aria-hidden": "true" }, fill), el("dd", { class: "value" }, percent(score))];
  }));
}

function nearest(found) {
  $("nearest").hidden = !found.length;
  const told = (labels) => labels.join(", ") || _("none of these classes");
  $("near").replaceChildren(...found.map(({ id, labels, similarity }) => el("li", {},
    el("img", { src: `/api/transfer/picture/${id}`, alt: told(labels), loading: "lazy" }),
    el("span", {}, told(labels)), el("small", {}, _("similarity {value}", { value: number(similarity, 3) })))));
}

const look = newestOnly(async () => {
  if (!last || !ready("transfer")) return;
  const asked = performance.now();
  const answer = await attempt(() => ask("/api/transfer", { file: last }));
  if (!answer) return;
  $("waiting").hidden = true;
  $("threshold").hidden = !answer.classes.some((each) => each.decided);
  classes(answer.classes);
  nearest(answer.nearest);
  document.body.dataset.milliseconds = String(Math.round(performance.now() - asked));
  document.body.dataset.answered = "yes";
});

photos((file) => {
  last = file;
  look();
});
whenChanged(look);
