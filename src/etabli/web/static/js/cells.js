// Cells of Python that you write, run and check in the page; Python is a worker (pyodide_worker.js).

import { chart } from "./chart.js";
import { _, $, el, number, perFrame } from "./common.js";

const { pyodide, worker: script, sources, seconds } = $("python").dataset;
const canRun = Boolean(pyodide) && location.protocol !== "file:" && typeof Worker !== "undefined";
const NAMES = () => ({ loss: _("loss"), test_accuracy: _("test accuracy") });

/** Python in a worker: it loads when it is first needed, runs one cell at a time, and can be ended. */
class Python {
  worker = null;
  pending = null;
  done = new Map(); // cell -> the source that this Python has run

  /** Start the worker and load Python, if this has not been done. */
  async load() {
    if (this.worker) return;
    state("loading", _("Python is loading; this takes a few seconds, less the next time."));
    this.worker = new Worker(script, { type: "module" });
    this.worker.addEventListener("message", ({ data }) => this.take(data));
    this.worker.addEventListener("error", (event) => this.end(event.message || _("the worker does not start")));
    const absolute = (address) => new URL(address, location.href).href;
    const { version } = await this.send({ kind: "load", pyodide: absolute(pyodide), sources: absolute(sources), language: document.documentElement.lang });
    state("ready", _("Python {version} runs in this page; nothing that you write leaves it.", { version }));
  }

  /** Send a request; return its result, and pass on what comes before. */
  send(request, { output, row } = {}) {
    return new Promise((resolve, reject) => {
      this.pending = { resolve, reject, output, row };
      this.worker.postMessage(request);
    });
  }

  take(message) {
    const { pending } = this;
    if (!pending) return;
    if (message.kind === "output") pending.output?.(message.text);
    else if (message.kind === "row") pending.row?.(message);
    else if (message.kind === "failed") this.end(_("Python failed: {reason}", message));
    else {
      this.pending = null;
      pending.resolve(message);
    }
  }

  /** End Python, with all that its cells have computed; the next cell starts it again. */
  end(reason) {
    this.worker?.terminate();
    this.worker = null;
    this.done.clear();
    const { pending } = this;
    this.pending = null;
    state("idle", reason);
    pending?.reject(new Error(reason));
  }
}

const python = new Python();
let running = null;

function state(name, text) {
  document.body.dataset.python = name;
  $("python-state").textContent = text;
}

/** A cell of the page: its editor, buttons, findings, curves and output. */
class Cell {
  constructor(section) {
    this.name = section.dataset.cell;
    this.needs = section.dataset.needs.split(" ").filter(Boolean);
    this.checks = section.dataset.checks.split(" ").filter(Boolean);
    this.section = section;
    this.title = section.querySelector("h2").childNodes[1].textContent.trim();
    this.original = section.querySelector("code").textContent;
    this.mark = section.querySelector(".cell-mark");
    this.editor = el("textarea", { class: "cell-code", spellcheck: "false", autocapitalize: "off", autocomplete: "off", wrap: "off", "aria-label": _("Code of: {title}", { title: this.title }) });
    this.editor.value = recall(this.name) ?? this.original;
    this.runButton = el("button", { type: "button", class: "primary", onclick: () => run(this) }, this.checks.length ? _("Check") : _("Run the cell"));
    this.stopButton = el("button", { type: "button", hidden: true, onclick: () => python.end(_("Python was stopped; the next cell starts it again.")) }, _("Stop"));
    this.resetButton = el("button", { type: "button", onclick: () => this.reset() }, _("Original code"));
    this.result = el("div", { class: "cell-result", "aria-live": "polite" });
    this.charts = el("div", { class: "charts" });
    this.output = el("pre", { class: "cell-output", tabindex: 0, hidden: true, "aria-label": _("Output of: {title}", { title: this.title }) });
    this.editor.addEventListener("input", () => this.changed());
    this.editor.addEventListener("keydown", (event) => this.press(event));
    section.querySelector("pre").replaceWith(this.editor);
    section.append(el("p", { class: "row" }, this.runButton, this.stopButton, this.resetButton), this.result, this.charts, this.output);
    this.drawCharts = perFrame(() => this.draw());
    this.changed();
  }

  get source() {
    return this.editor.value;
  }

  changed() {
    this.editor.rows = Math.min(40, this.source.split("\n").length + 1);
    this.resetButton.hidden = this.source === this.original;
    remember(this.name, this.source === this.original ? null : this.source);
    delete this.section.dataset.state;
    this.mark.textContent = "";
    offerOwn();
  }

  reset() {
    this.editor.value = this.original;
    this.changed();
    this.clear();
    this.editor.focus();
  }

  /** Keep the indentation of a line; Tab indents, and after Escape it leaves the editor. */
  press(event) {
    const { selectionStart: start, value } = this.editor;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey || event.shiftKey)) run(this);
    else if (event.key === "Enter") this.insert(`\n${indentAfter(value.slice(value.lastIndexOf("\n", start - 1) + 1, start))}`);
    else if (event.key === "Tab" && !event.shiftKey && !this.leaves) this.insert("    ");
    else {
      this.leaves = event.key === "Escape";
      return;
    }
    event.preventDefault();
  }

  insert(text) {
    this.editor.setRangeText(text, this.editor.selectionStart, this.editor.selectionEnd, "end");
    this.changed();
  }

  clear() {
    this.rows = new Map();
    this.result.replaceChildren();
    this.charts.replaceChildren();
    this.output.textContent = "";
    this.output.hidden = true;
  }

  setRunning(is) {
    this.stopButton.hidden = !is;
    this.section.classList.toggle("running", is);
    for (const cell of cells) cell.runButton.disabled = is;
  }

  write(text) {
    this.output.hidden = false;
    this.output.textContent += text;
  }

  addRow({ step, values }) {
    for (const [name, value] of Object.entries(values)) {
      if (!this.rows.has(name)) this.rows.set(name, []);
      if (value !== null) this.rows.get(name).push([step, value]);
    }
    this.drawCharts();
  }

  draw() {
    for (const [name, points] of this.rows) {
      const title = NAMES()[name] ?? name;
      let inside = this.charts.querySelector(`[data-name="${CSS.escape(name)}"]`);
      if (!inside) {
        inside = el("div", { "data-name": name });
        this.charts.append(el("figure", { class: "panel" }, el("figcaption", {}, el("strong", {}, title)), inside, el("p", { class: "muted chart-note" })));
      }
      chart(inside, { series: [{ name: title, points }], x: _("epoch"), title, height: 200 });
      const last = points[points.length - 1];
      inside.nextSibling.textContent = last ? _("epoch {epoch}: {value}", { epoch: last[0], value: number(last[1], 3) }) : _("not a number");
    }
  }

  show({ error, findings }, unfinished = []) {
    const isRight = !error && findings.every((each) => each.right);
    this.section.dataset.state = error ? "error" : isRight ? "right" : "wrong";
    this.mark.textContent = isRight ? "✓" : "✗";
    const parts = unfinished.map((cell) => el("p", {}, _("This cell uses “{title}”, which is not right yet.", { title: cell.title })));
    if (error) parts.push(el("p", { class: "cell-error" }, error));
    if (findings.length) parts.push(el("ul", { class: "cell-findings" }, findings.map(findingItem)));
    if (findings.some((each) => !each.right)) parts.push(el("p", { class: "muted" }, _("Sizes in this check: N = 7 examples, D = 5 inputs, H = 6 units, K = 4 classes.")));
    this.result.replaceChildren(...parts);
  }
}

function findingItem({ function: name, value, right, says }) {
  return el("li", { class: right ? "right" : "wrong" },
    el("span", { "aria-hidden": "true" }, right ? "✓" : "✗"), " ", el("code", {}, `${name}, ${value}`), " ", says);
}

/** Return the indentation of the line after this one. */
function indentAfter(line) {
  return line.match(/^\s*/)[0] + (line.trimEnd().endsWith(":") ? "    " : "");
}

/** What you wrote stays in this browser. */
const key = (name) => `etabli.practical-1.${name}`;
function recall(name) {
  try {
    return localStorage.getItem(key(name));
  } catch {
    return null; // a browser that keeps nothing
  }
}
function remember(name, source) {
  try {
    if (source === null) localStorage.removeItem(key(name));
    else localStorage.setItem(key(name), source);
  } catch {
    // the cell works all the same
  }
}

function offerOwn() {
  if (cells.length) $("own").hidden = cells.every((cell) => cell.source === cell.original);
}

function downloadOwn() {
  const text = ["import numpy as np\n", ...cells.filter((cell) => cell.checks.length).map((cell) => cell.source)].join("\n\n");
  $("own").href = URL.createObjectURL(new Blob([text], { type: "text/x-python" }));
  setTimeout(() => URL.revokeObjectURL($("own").href), 60_000);
}

/** Run the cells that a cell needs and that this Python has not run, then the cell itself. */
async function run(cell) {
  if (running) return;
  running = cell;
  cell.clear();
  cell.setRunning(true);
  try {
    await python.load();
    document.body.dataset.python = "running";
    const unfinished = [];
    for (const needed of cells.filter((each) => cell.needs.includes(each.name))) {
      if (python.done.get(needed.name) !== needed.source && !(await answer(needed))) {
        cell.result.replaceChildren(el("p", { class: "cell-error" }, _("This cell uses “{title}”, which has an error.", { title: needed.title })));
        cell.section.dataset.state = "error";
        return;
      }
      if (needed.section.dataset.state === "wrong") unfinished.push(needed);
    }
    await answer(cell, unfinished);
  } catch (error) {
    cell.section.dataset.state = "error";
    cell.result.replaceChildren(el("p", { class: "cell-error" }, error.message));
  } finally {
    cell.setRunning(false);
    running = null;
    if (python.worker) document.body.dataset.python = "ready";
  }
}

/** Run a cell within the time limit and show its result; return whether it has no error. */
async function answer(cell, unfinished = []) {
  const { source } = cell;
  cell.clear();
  const limit = setTimeout(() => python.end(_("Python was stopped after {seconds} seconds: an endless loop?", { seconds })), 1000 * Number(seconds));
  try {
    const request = { kind: "run", id: cell.name, cell: cell.name, source, check: cell.checks };
    const result = await python.send(request, { output: (text) => cell.write(text), row: (row) => cell.addRow(row) });
    cell.show(result, unfinished);
    if (!result.error) python.done.set(cell.name, source);
    return !result.error;
  } finally {
    clearTimeout(limit);
  }
}

const cells = [];
if (canRun) {
  cells.push(...[...document.querySelectorAll(".cell")].map((section) => new Cell(section)));
  offerOwn();
  $("own").addEventListener("click", downloadOwn);
  state("idle", _("Write each cell and check it: Python loads with the first one. Ctrl+Enter checks, Escape and then Tab leave the code."));
}
