// A text as it is generated, and the alternatives of each character.

import { _, $, attempt, el, notify, number, percent, request } from "./common.js";
import { ready, whenChanged } from "./models.js";

const NETS = ["poetry", "poetry.modern", "poetry.ngram"];
let source = null;
let characters = [];
let selected = -1;
let seed = 0;

const temperature = () => 10 ** Number($("temperature").value);
const visible = (character) => ({ " ": "␣", "\n": "↵", "\t": "⇥" })[character] ?? character;

function showOptions() {
  document.querySelector("output[for=temperature]").textContent = number(temperature(), 2);
  document.querySelector("output[for=top_k]").textContent = Number($("top_k").value) || _("off");
  document.querySelector("output[for=length]").textContent = $("length").value;
}

function showAlternatives(index) {
  const found = characters[index];
  if (!found) return;
  if (selected >= 0) characters[selected]?.element.classList.remove("selected");
  selected = index;
  found.element.classList.add("selected");
  const list = el("dl", { class: "bars" }, found.alternatives.flatMap(([character, share]) => {
    const fill = el("i");
    fill.style.width = `${100 * share}%`;
    return [el("dt", { class: character === found.character ? "best" : null }, visible(character)), el("dd", { class: "bar", "aria-hidden": "true" }, fill), el("dd", { class: "value" }, percent(share))];
  }));
  $("alternatives").replaceChildren(
    el("p", {}, _("Generated: “{character}”. Its probability in the model, at temperature 1, is {share}.", { character: visible(found.character), share: percent(found.p) })),
    list);
}

function append(found) {
  const index = characters.length;
  const element = el("span", { class: "character", "data-index": index }, found.character);
  element.style.setProperty("--probability", String(Math.round(100 * found.p)));
  characters.push({ ...found, element });
  $("text").append(element);
}

function stop() {
  source?.close();
  source = null;
  $("stop").disabled = true;
  $("write").disabled = !NETS.some(ready);
}

function generate() {
  stop();
  characters = [];
  selected = -1;
  $("text").replaceChildren();
  notify();
  seed += 1;
  const started = performance.now();
  const query = new URLSearchParams({
    net: $("net").value, prompt: $("prompt").value || " ", temperature: temperature(), top_k: $("top_k").value, length: $("length").value, seed,
  });
  $("stop").disabled = false;
  source = new EventSource(`/api/poetry/stream?${query}`);
  source.addEventListener("prompt", (event) => {
    const { prompt, unknown } = JSON.parse(event.data);
    $("text").append(el("span", { class: "prompt" }, prompt));
    if (unknown) notify(_("Not in the training vocabulary, left out: {unknown}", { unknown }));
  });
  source.addEventListener("character", (event) => {
    if (!characters.length) document.body.dataset.milliseconds = String(Math.round(performance.now() - started));
    append(JSON.parse(event.data));
  });
  source.addEventListener("end", () => {
    stop();
    document.body.dataset.generated = String(characters.length);
  });
  source.addEventListener("error", async () => {
    if (!source) return;
    stop();
    await attempt(() => request("/api/poetry"));
  });
}

$("options").addEventListener("input", showOptions);
$("options").addEventListener("submit", (event) => {
  event.preventDefault();
  generate();
});
$("stop").addEventListener("click", stop);
$("text").addEventListener("pointerover", (event) => {
  if (event.target.dataset.index) showAlternatives(Number(event.target.dataset.index));
});
$("text").addEventListener("click", (event) => {
  if (event.target.dataset.index) showAlternatives(Number(event.target.dataset.index));
});
$("text").addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step || !characters.length) return;
  showAlternatives(Math.max(0, Math.min(characters.length - 1, selected + step)));
  event.preventDefault();
});
addEventListener("pagehide", stop);

whenChanged(() => {
  for (const option of $("net").options) option.disabled = !ready(option.value);
  $("net").disabled = !NETS.some(ready);
  if ($("net").selectedOptions[0]?.disabled) $("net").value = NETS.find(ready) ?? "poetry";
  if (!source) $("write").disabled = !NETS.some(ready);
});
showOptions();
