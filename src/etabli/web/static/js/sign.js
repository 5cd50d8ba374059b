// The sign above each page: which models it plays with, whether they are loaded, and how to train what is missing.

import { _, $, ask, attempt, el, follow, language } from "./common.js";

const page = document.body.dataset.page;
const listeners = [];
let latest = { tools: {}, job: { state: "idle" }, runs: [] };

/** Call back with the state of the page's tools now and whenever it changes. */
export function whenChanged(callback) {
  listeners.push(callback);
  if (latest.seen) callback(latest);
}

/** Whether a tool can answer. */
export const ready = (key) => latest.tools[key]?.state === "ready";

const NAMES = () => ({
  "digits.linear": _("softmax regression"),
  "digits.mlp": _("perceptron"),
  "digits.cnn": _("convolutional net"),
  "digits.plane": _("t-SNE plane"),
  untangling: _("layers and epochs"),
  "untangling.layers": _("explorer of the hidden layers"),
  transfer: _("transferred classifier"),
  poetry: _("the course's net"),
  "poetry.modern": _("LSTM"),
  "poetry.ngram": _("n-gram"),
  words: _("word vectors"),
  captions: _("captioner"),
});
const STATES = () => ({
  missing: _("not trained yet"),
  waiting: _("waiting to be loaded"),
  loading: _("being loaded…"),
  ready: _("ready"),
  failed: _("could not be loaded"),
});

function chip(key, tool) {
  const name = NAMES()[key] ?? key;
  const from = tool.run ? _("from the run {run}, {data}", { run: tool.run, data: tool.data === "sample" ? _("sample data") : _("full data") }) : "";
  const problem = tool.problem[language];
  return el("li", { class: `chip ${tool.state}` },
    el("span", { class: "light", "aria-hidden": "true" }),
    el("strong", {}, name), " ", el("span", {}, STATES()[tool.state]),
    from ? el("small", {}, ` · ${from}`) : null,
    problem ? el("small", {}, ` · ${problem}`) : null);
}

function offer(lacking, job) {
  const experiments = [...new Set(lacking.map(([, tool]) => tool.experiment))];
  const names = lacking.map(([key]) => NAMES()[key] ?? key).join(", ");
  const busy = job.state === "running";
  return el("div", { class: "offer" },
    el("p", {}, _("Without a model: {names}. Train on the sample data, here or in a terminal:", { names })),
    el("p", {}, el("code", {}, `etabli run ${experiments.join(" ")}`)),
    el("button", { id: "train", class: "primary", disabled: busy, onclick: () => attempt(() => ask("/api/train", { body: { page } })) },
      busy ? _("A training is under way") : _("Train on the sample data")));
}

function progress(job) {
  if (job.state === "idle") return null;
  const told = {
    running: _("Training {names}…", { names: job.experiments.join(", ") }),
    done: _("The training has ended."),
    stopped: _("The training was stopped; what was finished is kept."),
    failed: _("The training ended early. Its last words:"),
  }[job.state];
  if (job.state === "done" && page !== "runs" && page !== "overview") return null;
  return el("div", { class: `job ${job.state}`, role: "status" },
    el("p", {}, job.state === "running" ? el("span", { class: "spinner", "aria-hidden": "true" }) : null, told),
    job.state === "done" ? null : el("pre", { class: "lines" }, job.lines.slice(-6).join("\n")),
    job.state === "running"
      ? el("p", { class: "row" },
          el("a", { href: `/runs/${encodeURIComponent(job.run)}` }, _("Watch its curves")),
          el("button", { onclick: () => attempt(() => ask("/api/train/stop", { body: {} })) }, _("Stop")))
      : null);
}

function draw() {
  const own = document.body.dataset.tools.split(" ").filter(Boolean);
  const tools = own.map((key) => [key, latest.tools[key]]).filter(([, tool]) => tool);
  const lacking = tools.filter(([, tool]) => ["missing", "failed"].includes(tool.state));
  $("sign").replaceChildren(
    tools.length ? el("ul", { class: "chips", "aria-label": _("Models of this page") }, tools.map(([key, tool]) => chip(key, tool))) : "",
    lacking.length ? offer(lacking, latest.job) : "",
    progress(latest.job) ?? "");
}

function changed(part) {
  return (document_) => {
    latest = { ...latest, [part]: document_, seen: true };
    draw();
    listeners.forEach((callback) => callback(latest));
  };
}

follow(`/api/events?page=${encodeURIComponent(page)}`, { tools: changed("tools"), job: changed("job"), runs: changed("runs") });
