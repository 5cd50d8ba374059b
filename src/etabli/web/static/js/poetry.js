// A text as it is generated, once or at three temperatures, and the alternatives of each character.

import { onAddress, writeState } from "./address.js";
import { _, $, attempt, el, listen, notify, number, percent, request } from "./common.js";
import { ready, statesKnown, whenChanged } from "./models.js";

const NETS = ["poetry", "poetry.modern", "poetry.ngram"];
const SLIDERS = ["temperature", "top_k", "length"];
let writings = []; // one of each text: its element, its characters, its stream
let last = ""; // the options of the last text
let wanted = null; // those of a link, until its net is loaded
let own = {}; // the models of "etabli poetry train" by their key

const radios = () => [...document.querySelectorAll("input[name=net]")];
const chosen = () => radios().find((each) => each.checked)?.value;
const net = () => (chosen() === "own" ? $("own").value : chosen());
const usable = (key) => (key === "own" ? Object.keys(own).length > 0 : key in own || ready(key));
const temperature = () => 10 ** Number($("temperature").value);
const visible = (character) => ({ " ": "␣", "\n": "↵", "\t": "⇥" })[character] ?? character;
const drawSeed = () => String(Math.floor(1e6 * Math.random()));

function showOptions() {
  document.querySelector("output[for=temperature]").textContent = number(temperature(), 2);
  document.querySelector("output[for=top_k]").textContent = Number($("top_k").value) || _("off");
  document.querySelector("output[for=length]").textContent = $("length").value;
}

/** Show the nats per character of each loaded net, and those of a uniform guess. */
async function showScores() {
  const found = await attempt(() => request("/api/poetry"));
  if (!found) return;
  for (const each of document.querySelectorAll(".nats")) {
    const nats = found[each.dataset.net]?.nats;
    each.textContent = nats ? _("{value} nats", { value: number(nats, 3) }) : "";
  }
  const size = Math.max(...Object.values(found).map((each) => each.vocabulary.length));
  $("uniform").hidden = false;
  $("uniform").textContent = _("A uniform guess among {count} characters: {value} nats.", { count: size, value: number(Math.log(size), 3) });
}

/** List your own models in a menu. */
async function listOwn() {
  own = (await attempt(() => request("/api/poetry/own"))) ?? {};
  $("own-line").hidden = !usable("own");
  $("own").replaceChildren(...Object.entries(own).map(([key, { name, text }]) => el("option", { value: key, title: text }, name)));
  showOwn();
  refresh();
}

function showOwn() {
  const nats = own[$("own").value]?.nats;
  $("own-nats").textContent = nats ? _("{value} nats", { value: number(nats, 3) }) : "";
}

/** Let the seed text be one of the model's own text, unless it was written by hand. */
function suggestPrompt() {
  const defaults = [$("prompt").defaultValue, ...Object.values(own).map((each) => each.prompt)];
  if (defaults.includes($("prompt").value)) $("prompt").value = own[net()]?.prompt.replaceAll("\n", " ") ?? $("prompt").defaultValue;
}

class Writing {
  constructor(element, heat) {
    Object.assign(this, { element, heat, characters: [], selected: -1, source: null });
    element.addEventListener("pointerover", (event) => this.select(event.target.dataset.index));
    element.addEventListener("click", (event) => this.select(event.target.dataset.index));
    element.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step || !this.characters.length) return;
      this.select(Math.max(0, Math.min(this.characters.length - 1, this.selected + step)));
      event.preventDefault();
    });
  }

  select(index) {
    const found = this.characters[Number(index)];
    if (index === undefined || !found) return;
    for (const each of document.querySelectorAll(".character.selected")) each.classList.remove("selected");
    this.selected = Number(index);
    found.element.classList.add("selected");
    $("alternatives").replaceChildren(
      el("p", {}, _("Generated: “{character}”. Its probability in the model, at temperature 1, is {share}.", { character: visible(found.character), share: percent(found.p) })),
      el("p", { class: "muted" }, _("With the chosen options, at temperature {value}:", { value: number(this.heat, 2) })),
      el("dl", { class: "bars" }, found.alternatives.flatMap(([character, share]) => {
        const fill = el("i");
        fill.style.width = `${100 * share}%`;
        return [el("dt", { class: character === found.character ? "best" : null }, visible(character)), el("dd", { class: "bar", "aria-hidden": "true" }, fill), el("dd", { class: "value" }, percent(share))];
      })));
  }

  append(found) {
    const element = el("span", { class: "character", "data-index": this.characters.length }, found.character);
    element.style.setProperty("--probability", String(Math.round(100 * found.p)));
    this.characters.push({ ...found, element });
    this.element.append(element);
  }

  start(options) {
    const started = performance.now();
    this.source = listen(`/api/poetry/stream?${new URLSearchParams({ ...options, temperature: this.heat })}`, {
      prompt: ({ prompt, unknown }) => {
        this.element.append(el("span", { class: "prompt" }, prompt));
        if (unknown) notify(_("Not in the training vocabulary, left out: {unknown}", { unknown }));
      },
      character: (found) => {
        if (!this.characters.length) document.body.dataset.milliseconds = String(Math.round(performance.now() - started));
        this.append(found);
      },
      end: () => this.end(),
      error: () => this.source && this.end(true),
    });
  }

  async end(failed = false) {
    this.source?.close();
    this.source = null;
    showState();
    if (failed) await attempt(() => request("/api/poetry"));
    else if (!writings.some((each) => each.source)) document.body.dataset.generated = String(this.characters.length);
  }
}

function showState() {
  const busy = writings.some((each) => each.source);
  $("stop").disabled = !busy;
  $("write").disabled = busy || ![...NETS, "own"].some(usable);
}

function stop() {
  for (const each of writings) {
    each.source?.close();
    each.source = null;
  }
  showState();
}

/** Create an empty text for each temperature; the only one has no heading. */
function layOut() {
  const heats = $("three").checked ? [0.5, 1, 2].map((factor) => Math.min(20, Math.max(0.01, factor * temperature()))) : [temperature()];
  writings = heats.map((heat, index) => {
    const name = heats.length > 1 ? _("Temperature {value}", { value: number(heat, 2) }) : _("Generated text");
    return new Writing(el("div", { id: index ? null : "text", class: "panel text", role: "log", "aria-live": "off", "aria-label": name, tabindex: 0 }), heat);
  });
  $("poems").classList.toggle("three", heats.length > 1);
  $("poems").replaceChildren(...writings.map((each) => el("div", {}, heats.length > 1 ? el("h2", {}, each.element.getAttribute("aria-label")) : null, each.element)));
}

function options() {
  return { net: net(), prompt: $("prompt").value || " ", top_k: $("top_k").value, length: $("length").value, seed: $("seed").value };
}

function generate() {
  stop();
  notify();
  const now = () => JSON.stringify([options(), temperature(), $("three").checked]);
  if (now() === last) $("seed").value = drawSeed();
  last = now();
  const sent = options();
  writeState({ ...sent, temperature: $("temperature").value, three: $("three").checked ? "yes" : "" });
  delete document.body.dataset.generated;
  layOut();
  for (const each of writings) each.start(sent);
  showState();
}

/** Set the options that a link carries, and generate its text as soon as its net is loaded. */
function showLinked(given) {
  if (given.seed === undefined) return;
  for (const name of [...SLIDERS, "prompt", "seed"]) if (given[name] !== undefined) $(name).value = given[name];
  if (!/^\d{1,10}$/.test($("seed").value)) $("seed").value = drawSeed();
  $("three").checked = given.three === "yes";
  wanted = NETS.includes(given.net) || given.net?.startsWith("own:") ? given.net : NETS[0];
  showOptions();
  generateLinked();
}

function generateLinked() {
  if (!wanted || !usable(wanted)) return;
  for (const each of radios()) each.checked = each.value === (wanted in own ? "own" : wanted);
  if (wanted in own) $("own").value = wanted;
  showOwn();
  wanted = null;
  last = "";
  generate();
}

$("options").addEventListener("input", showOptions);
$("options").addEventListener("submit", (event) => {
  event.preventDefault();
  generate();
});
$("stop").addEventListener("click", stop);
addEventListener("pagehide", stop);

let loaded = "";
function refresh() {
  for (const radio of radios()) radio.disabled = !usable(radio.value);
  if (statesKnown() && !radios().some((each) => each.checked && !each.disabled)) {
    for (const each of radios()) each.checked = each.value === [...NETS, "own"].find(usable);
    if (chosen() === "own") suggestPrompt();
  }
  showState();
  if (loaded !== NETS.filter(ready).join()) {
    loaded = NETS.filter(ready).join();
    showScores();
  }
  generateLinked();
}
whenChanged(refresh);
$("own").addEventListener("change", () => {
  for (const each of radios()) each.checked = each.value === "own";
  showOwn();
});
$("nets").addEventListener("change", suggestPrompt);
$("seed").value = drawSeed();
listOwn();
showOptions();
onAddress(showLinked);
