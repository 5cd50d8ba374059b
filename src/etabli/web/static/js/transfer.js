// The classes of a photo and its nearest training images; the ImageNet classes and where they are.

import { bytes } from "./canvas.js";
import { _, $, attempt, el, latestOnly, number, percent, request } from "./common.js";
import { hideMap, onPhoto, showFamiliarity, showMap } from "./photo.js";
import { ready, whenChanged } from "./models.js";

let photo = null;
let described = null;

function bar(name, score, best) {
  const fill = el("i");
  fill.style.width = `${100 * score}%`;
  return [el("dt", { class: best ? "best" : null }, name), el("dd", { class: "bar", "aria-hidden": "true" }, fill), el("dd", { class: "value" }, percent(score))];
}

function showNearest(found) {
  $("nearest").hidden = !found.length;
  const describe = (labels) => labels.join(", ") || _("none of these classes");
  $("images").replaceChildren(...found.map(({ index, labels, similarity }) => el("li", {},
    el("img", { src: `/api/transfer/images/${index}`, alt: describe(labels), loading: "lazy" }),
    el("span", {}, describe(labels)), el("small", {}, _("similarity {value}", { value: number(similarity, 3) })))));
}

/** List the ImageNet classes as buttons, each of which shows its map over the photo. */
function showImageNet({ grid, classes }) {
  const buttons = classes.map(({ name, map }) => el("button", { type: "button", class: "word", lang: "en", onclick: () => choose(name) }, name.split(",")[0]));
  const choose = (name) => {
    classes.forEach((each, at) => buttons[at].setAttribute("aria-pressed", each.name === name));
    showMap(bytes(classes.find((each) => each.name === name).map), grid);
  };
  $("imagenet-classes").replaceChildren(...classes.flatMap(({ score }, at) => bar(buttons[at], score, at === 0)));
  choose(classes[0].name);
}

async function describe() {
  if (described || !ready("transfer")) return;
  described = await request("/api/transfer").catch(() => null);
  if (!described) return;
  const { classes, images, kind } = described;
  const texts = { count: classes.length, names: classes.join(", "), images, kind };
  $("known").textContent = kind === "drawn scenes"
    ? _("This net knows {count} classes: {names}. It was trained on {images} drawn scenes, and knows nothing else.", texts)
    : _("This net knows {count} classes: {names}. It was trained on {images} photographs of {kind}.", texts);
}

const update = latestOnly(async () => {
  describe();
  $("imagenet").hidden = !ready("transfer.imagenet");
  if (!photo) return;
  const started = performance.now();
  hideMap();
  const answers = await attempt(() => Promise.all([
    ready("transfer") ? request("/api/transfer", { file: photo }) : null,
    ready("transfer.imagenet") ? request("/api/transfer/imagenet", { file: photo }) : null,
  ]));
  if (!answers || answers.every((each) => !each)) return;
  const [answer, imagenet] = answers;
  if (imagenet) showImageNet(imagenet);
  if (answer) {
    $("placeholder").hidden = true;
    const isFar = showFamiliarity(answer.familiarity, described?.kind === "drawn scenes"
      ? _("This image is unlike the drawn scenes that the net was trained on: what it answers means nothing here.")
      : _("This image is unlike the photographs that the net was trained on: do not rely on its answer."));
    $("threshold").hidden = !answer.classes.some((each) => each.predicted);
    $("classes").replaceChildren(...answer.classes.flatMap(({ name, score, predicted }) => bar(name, score, predicted && !isFar)));
    showNearest(answer.nearest);
  }
  document.body.dataset.milliseconds = String(Math.round(performance.now() - started));
  document.body.dataset.answered = "yes";
});

onPhoto((file) => {
  photo = file;
  update();
});
whenChanged(update);
