// The models of the page: whether they are loaded, and how to train those that are missing.

import { _, $, attempt, el, isPublished, language, listen, request } from "./common.js";
import { showProgress, withoutProgress } from "./progress.js";

const page = document.body.dataset.page;
const listeners = [];
const followers = [];
let latest = { models: {}, training: { state: "idle" }, runs: [], progress: {} };

/** Call back with the state of models, training and runs, now and whenever it changes. */
export function whenChanged(callback) {
  listeners.push(callback);
  if (latest.received) callback(latest);
}

/** Call back with how far each unfinished run is, now and twice a second while one is trained. */
export function whenProgressed(callback) {
  followers.push(callback);
  callback(latest.progress);
}

/** Return whether the states of the models have arrived: before, every model seems missing. */
export const statesKnown = () => Object.keys(latest.models).length > 0;

/** Return whether a model is loaded. */
export const ready = (key) => latest.models[key]?.state === "ready";

const NAMES = () => ({
  "digits.linear": _("softmax regression"),
  "digits.mlp": _("MLP"),
  "digits.cnn": _("CNN"),
  "digits.plane": _("t-SNE plane"),
  "untangling.planes": _("t-SNE planes of the layers"),
  untangling: _("untangling by layer and epoch"),
  transfer: _("linear classifier on features"),
  "transfer.imagenet": _("MobileNetV2 on ImageNet"),
  poetry: _("SimpleRNN"),
  "poetry.modern": _("LSTM"),
  "poetry.ngram": _("n-gram model"),
  words: _("word vectors"),
  captions: _("captioner"),
});
const STATES = () => ({
  missing: _("not trained yet"),
  waiting: _("waiting to be loaded"),
  loading: _("loading…"),
  ready: _("ready"),
  failed: _("could not be loaded"),
});

function modelChip(key, model) {
  const name = NAMES()[key] ?? key;
  const origin = model.run === "imagenet" ? _("from the data folder") : model.run === "pretrained" ? (model.data === "sample" ? _("shipped with Établi, trained on drawn scenes") : _("shipped with Établi, trained on full data")) : model.run ? _("run {run}, {data}", { run: model.run, data: model.data === "sample" ? _("sample data") : _("full data") }) : "";
  const problem = model.problem[language];
  return el("li", { class: `chip ${model.state}` },
    el("span", { class: "light", "aria-hidden": "true" }),
    el("strong", {}, name), " ", el("span", {}, STATES()[model.state]),
    origin ? el("small", {}, ` · ${origin}`) : null,
    problem ? el("small", {}, ` · ${problem}`) : null);
}

function trainPanel(missing, training) {
  const experiments = [...new Set(missing.map(([, model]) => model.experiment))];
  const names = missing.map(([key]) => NAMES()[key] ?? key).join(", ");
  const busy = training.state === "running";
  return el("div", { class: "train-panel" },
    el("p", {}, _("Not available: {names}. Train on the sample data, here or in a terminal:", { names })),
    el("p", {}, el("code", {}, `etabli run ${experiments.join(" ")}`)),
    el("button", { id: "train", class: "primary", disabled: busy, onclick: () => attempt(() => request("/api/train", { body: { page } })) },
      busy ? _("A training is running") : _("Train on the sample data")));
}

function trainingStatus(training) {
  if (training.state === "idle") return null;
  const message = {
    running: _("Training {names}…", { names: training.experiments.join(", ") }),
    done: _("The training is finished."),
    stopped: _("The training was stopped; finished experiments are kept."),
    failed: _("The training failed. Its last lines of output:"),
  }[training.state];
  if (training.state === "done" && page !== "runs" && page !== "overview") return null;
  return el("div", { class: `training ${training.state}`, role: "status" },
    el("p", {}, training.state === "running" ? el("span", { class: "spinner", "aria-hidden": "true" }) : null, message),
    training.state === "running" ? el("div", { id: "training-progress", class: "progress", hidden: true }) : null,
    training.state === "done" ? null : el("pre", { class: "lines" }, training.lines.slice(-6).join("\n")),
    training.state === "running"
      ? el("p", { class: "row" },
          el("a", { href: `/runs/${encodeURIComponent(training.run)}` }, _("Show its curves")),
          el("button", { onclick: () => attempt(() => request("/api/train/stop", { body: {} })) }, _("Stop")))
      : null);
}

for (const link of document.querySelectorAll(".languages a")) link.addEventListener("click", () => { link.hash = location.hash; });

function draw() {
  const keys = document.body.dataset.models.split(" ").filter(Boolean);
  const models = keys.map((key) => [key, latest.models[key]]).filter(([, model]) => model && model.state !== "absent");
  const missing = models.filter(([, model]) => ["missing", "failed"].includes(model.state));
  $("models").replaceChildren(
    models.length ? el("ul", { class: "chips", "aria-label": _("Models of this page") }, models.map(([key, model]) => modelChip(key, model))) : "",
    missing.length && !isPublished ? trainPanel(missing, latest.training) : "",
    trainingStatus(latest.training) ?? "");
  follow(latest.progress);
}

let followed = 0; // when the training began whose progress was seen

/** Show how far the training that the pages started is, without drawing its buttons again. */
function follow(progress) {
  const { state, run, started } = latest.training;
  if (state !== "running" || !$("training-progress")) return;
  if (progress[run]?.running) followed = started;
  const elapsed = Math.max(0, Date.now() / 1000 - started);
  showProgress($("training-progress"), progress[run]?.running ? progress[run] : withoutProgress(elapsed, followed === started));
}
whenProgressed(follow);
setInterval(() => latest.progress[latest.training.run]?.running || follow(latest.progress), 1000);

function update(part) {
  return (document_) => {
    latest = { ...latest, [part]: document_, received: true };
    draw();
    listeners.forEach((callback) => callback(latest));
  };
}

listen(`/api/events?page=${encodeURIComponent(page)}`, { models: update("models"), training: update("training"), runs: update("runs"), progress: (progress) => {
  latest = { ...latest, progress };
  followers.forEach((callback) => callback(progress));
} });
