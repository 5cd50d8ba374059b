// Backpropagation step by step: the server computes with etabli.nn, the page shows every number.

import { chart } from "./chart.js";
import { _, $, attempt, el, latestOnly, number, request, svg } from "./common.js";

const ORDER = ["a", "h", "z", "p", "loss", "dz", "dw_y", "dh", "da", "dw_h", "update"];
const stages = ORDER.map((key) => document.querySelector(`.stage[data-stage=${key}]`));
const NAMES = { a: "a", h: "h", z: "z", p: "ŷ", loss: "L", w_h: "W_h", b_h: "b_h", w_y: "W_y", b_y: "b_y", x: "x" };
let current = 0;
let answer = null;

const learningRate = () => 10 ** Number($("learning_rate").value);
const short = (value) => (value === null ? _("too large") : number(value, 3));

const brief = (value) => (value === null ? "∞" : number(value, 2));

/** Create a vector or a matrix in brackets. */
function matrix(value, name) {
  const rows = Array.isArray(value) ? (Array.isArray(value[0]) ? value : [value]) : [[value]];
  return el("table", { class: "matrix", role: "img", "aria-label": `${name}: ${rows.map((row) => row.map(short).join(", ")).join("; ")}` },
    el("tbody", {}, rows.map((row) => el("tr", {}, row.map((each) => el("td", {}, short(each)))))));
}

function values(stage) {
  const key = stage.dataset.stage;
  const names = stage.dataset.values.split(" ");
  if (key === "update") {
    return names.map((name) => el("div", { class: "change" }, el("span", { class: "muted" }, NAMES[name][0], NAMES[name].length > 1 ? el("sub", {}, NAMES[name].slice(2)) : null), matrix(answer.weights[name], NAMES[name]), el("span", { "aria-hidden": "true" }, "→"), matrix(answer.updated[name], NAMES[name])));
  }
  const source = key.startsWith("d") ? answer.gradients : answer.forward;
  return names.map((name) => matrix(source[name], key.startsWith("d") ? `∂L/∂${NAMES[name]}` : NAMES[name]));
}

const LAYERS = [{ key: "x", count: 2, at: 60 }, { key: "h", count: 3, at: 220 }, { key: "p", count: 2, at: 380 }];
const height = 250;
const y = (layer, index) => (height * (index + 1)) / (layer.count + 1);

/** Return the values of the units at a stage: activations, or gradients in the backward pass. */
function unitValues(key) {
  const back = key.startsWith("d");
  return {
    x: answer.forward.x,
    h: key === "a" ? answer.forward.a : key === "dh" ? answer.gradients.h : key === "da" || key === "dw_h" ? answer.gradients.a : answer.forward.h,
    p: back ? answer.gradients.z : key === "z" ? answer.forward.z : answer.forward.p,
  };
}

function edges(picture, from, to, weights, active) {
  weights.forEach((row, index) => row.forEach((weight, other) => {
    const shown = weight ?? 0;
    const edge = svg("line", { x1: from.at + 22, y1: y(from, index), x2: to.at - 22, y2: y(to, other), class: `edge ${shown < 0 ? "minus" : "plus"}${active ? " active" : ""}` },
      svg("title", {}, short(weight)));
    edge.style.strokeWidth = `${Math.min(7, 0.6 + 2.2 * Math.abs(shown))}px`;
    picture.append(edge);
  }));
}

function net() {
  const key = stages[current].dataset.stage;
  const shown = unitValues(key);
  const picture = svg("svg", { viewBox: `0 0 440 ${height}`, class: "net", role: "img", "aria-label": _("Two inputs, three hidden units, two classes; their values are listed below.") });
  const gradients = key === "dw_y" || key === "dw_h";
  const from = gradients ? answer.gradients : answer.weights;
  edges(picture, LAYERS[0], LAYERS[1], from.w_h, ["a", "dw_h", "update"].includes(key));
  edges(picture, LAYERS[1], LAYERS[2], from.w_y, ["z", "dw_y", "dh", "update"].includes(key));
  const active = { a: "h", h: "h", z: "p", p: "p", loss: "p", dz: "p", dh: "h", da: "h" }[key];
  for (const layer of LAYERS) {
    for (let index = 0; index < layer.count; index += 1) {
      const truth = layer.key === "p" && answer.forward.y[index] === 1;
      picture.append(svg("circle", { cx: layer.at, cy: y(layer, index), r: 24, class: `unit${layer.key === active ? " active" : ""}${truth ? " truth" : ""}` }));
      picture.append(svg("text", { x: layer.at, y: y(layer, index) + 4, "text-anchor": "middle", class: "unit-value" }, brief(shown[layer.key][index])));
    }
  }
  $("net").replaceChildren(picture);
  $("direction").textContent = key.startsWith("d") ? _("gradients of the backward pass") : key === "update" ? _("weight update") : _("values of the forward pass");
}

function draw() {
  for (const [index, stage] of stages.entries()) {
    stage.classList.toggle("current", index === current);
    if (index === current) stage.setAttribute("aria-current", "step");
    else stage.removeAttribute("aria-current");
    stage.querySelector(".values").replaceChildren(...values(stage));
  }
  net();
  const points = answer.losses.map((loss, step) => [step, loss]).filter(([, loss]) => loss !== null);
  const here = answer.losses[answer.step];
  chart($("losses"), { series: [{ name: "L", points }], x: _("step"), y: "L", title: _("Loss by step"), mark: here === null ? null : [answer.step, here] });
  document.body.dataset.step = answer.step;
}

const refresh = latestOnly(async () => {
  const body = {
    x: [Number($("x1").value), Number($("x2").value)],
    label: Number($("label").value),
    initializer: $("initializer").value,
    learning_rate: learningRate(),
    step: Number($("step").value),
  };
  const found = await attempt(() => request("/api/backprop", { body }));
  if (!found) return;
  answer = found;
  draw();
});

function showOptions() {
  for (const output of document.querySelectorAll("output")) {
    const input = $(output.htmlFor.value);
    output.textContent = input.id === "learning_rate" ? number(learningRate(), 2) : number(Number(input.value), 3);
  }
}

function moveStep(by) {
  $("step").value = Number($("step").value) + by;
  showOptions();
  refresh();
}

function moveStage(by) {
  current = Math.max(0, Math.min(stages.length - 1, current + by));
  if (answer) draw();
  stages[current].scrollIntoView({ block: "nearest", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
}

$("controls").addEventListener("input", () => { showOptions(); refresh(); });
$("controls").addEventListener("submit", (event) => event.preventDefault());
$("back").addEventListener("click", () => moveStep(-1));
$("forward").addEventListener("click", () => moveStep(1));
$("previous").addEventListener("click", () => moveStage(-1));
$("next").addEventListener("click", () => moveStage(1));
addEventListener("keydown", (event) => {
  if (event.target.closest("input, select, textarea")) return;
  if (event.key === "ArrowRight") moveStage(1);
  if (event.key === "ArrowLeft") moveStage(-1);
});
stages.forEach((stage, index) => stage.addEventListener("click", () => moveStage(index - current)));
showOptions();
refresh();
