// A poem as it is written, and the alternatives of each character.

import { _, $, ask, attempt, el, number, percent, say } from "./common.js";
import { ready, whenChanged } from "./sign.js";

const NETS = ["poetry", "poetry.modern", "poetry.ngram"];
let source = null;
let letters = [];
let chosen = -1;
let seed = 0;

const temperature = () => 10 ** Number($("temperature").value);
const visible = (letter) => (letter === " " ? "␣" : letter);

function tell() {
  document.querySelector("output[for=temperature]").textContent = number(temperature(), 2);
  document.querySelector("output[for=top_k]").textContent = Number($("top_k").value) || _("all");
  document.querySelector("output[for=length]").textContent = $("length").value;
}

function alternatives(index) {
  const found = letters[index];
  if (!found) return;
  if (chosen >= 0) letters[chosen]?.element.classList.remove("chosen");
  chosen = index;
  found.element.classList.add("chosen");
  const list = el("dl", { class: "bars" }, found.others.flatMap(([letter, share]) => {
    const fill = el("i");
    fill.style.width = `${100 * share}%`;
    return [el("dt", { class: letter === found.letter ? "best" : null }, visible(letter)), el("dd", { class: "bar", "aria-hidden": "true" }, fill), el("dd", { class: "value" }, percent(share))];
  }));
  $("others").replaceChildren(
    el("p", {}, _("Written: “{letter}”. The net itself, at temperature 1, gave it {share}.", { letter: visible(found.letter), share: percent(found.p) })),
    list);
}

function append(found) {
  const index = letters.length;
  const element = el("span", { class: "letter", "data-at": index }, found.letter);
  element.style.setProperty("--sure", String(Math.round(100 * found.p)));
  letters.push({ ...found, element });
  $("poem").append(element);
}

function stop() {
  source?.close();
  source = null;
  $("stop").disabled = true;
  $("write").disabled = !NETS.some(ready);
}

function write() {
  stop();
  letters = [];
  chosen = -1;
  $("poem").replaceChildren();
  say();
  seed += 1;
  const asked = performance.now();
  const query = new URLSearchParams({
    net: $("net").value, prompt: $("prompt").value || " ", temperature: temperature(), top_k: $("top_k").value, length: $("length").value, seed,
  });
  $("stop").disabled = false;
  source = new EventSource(`/api/poetry/stream?${query}`);
  source.addEventListener("prompt", (event) => {
    const { prompt, unknown } = JSON.parse(event.data);
    $("poem").append(el("span", { class: "prompt" }, prompt));
    if (unknown) say(_("The net has never seen these characters; they are left out: {unknown}", { unknown }));
  });
  source.addEventListener("letter", (event) => {
    if (!letters.length) document.body.dataset.milliseconds = String(Math.round(performance.now() - asked));
    append(JSON.parse(event.data));
  });
  source.addEventListener("end", () => {
    stop();
    document.body.dataset.written = String(letters.length);
  });
  source.addEventListener("error", async () => {
    if (!source) return;
    stop();
    await attempt(() => ask("/api/poetry"));
  });
}

$("wish").addEventListener("input", tell);
$("wish").addEventListener("submit", (event) => {
  event.preventDefault();
  write();
});
$("stop").addEventListener("click", stop);
$("poem").addEventListener("pointerover", (event) => {
  if (event.target.dataset.at) alternatives(Number(event.target.dataset.at));
});
$("poem").addEventListener("click", (event) => {
  if (event.target.dataset.at) alternatives(Number(event.target.dataset.at));
});
$("poem").addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step || !letters.length) return;
  alternatives(Math.max(0, Math.min(letters.length - 1, chosen + step)));
  event.preventDefault();
});
addEventListener("pagehide", stop);

whenChanged(() => {
  for (const option of $("net").options) option.disabled = !ready(option.value);
  $("net").disabled = !NETS.some(ready);
  if ($("net").selectedOptions[0]?.disabled) $("net").value = NETS.find(ready) ?? "poetry";
  if (!source) $("write").disabled = !NETS.some(ready);
});
tell();
