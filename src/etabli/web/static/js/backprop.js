// Backpropagation step by step: the server computes with etabli.nn, the page shows every number.

import { onAddress, writeState } from "./address.js";
import { color, rgb } from "./canvas.js";
import { chart } from "./chart.js";
import { _, $, attempt, el, latestOnly, number, request, svg } from "./common.js";

const ORDER = ["a", "h", "z", "p", "loss", "dz", "dw_y", "dh", "da", "dw_h", "update"];
const stages = ORDER.map((key) => document.querySelector(`.stage[data-stage=${key}]`));
const NAMES = { a: "a", h: "h", z: "z", p: "ŷ", loss: "L", w_h: "W_h", b_h: "b_h", w_y: "W_y", b_y: "b_y", x: "x" };
const DATA = {
  one: { x: [[0.5, -1]], labels: [0] },
  two: { x: [[1, 1], [-1, -0.5]], labels: [0, 1] },
  three: { x: [[1, 1], [-1, -0.5], [1, -1]], labels: [0, 1, 1] },
  xor: { x: [[-1, -1], [-1, 1], [1, -1], [1, 1]], labels: [0, 1, 1, 0] },
};
// The observations in the page state what these settings show; a test holds them to it.
const PRESETS = {
  convergence: { data: "two", initializer: "xavier", rate: 1 },
  xor: { data: "xor", initializer: "xavier", rate: 1 },
  oscillation: { data: "xor", initializer: "xavier", rate: 10 },
  divergence: { data: "xor", initializer: "xavier", rate: 100 },
  saturation: { data: "xor", initializer: "large", rate: 1 },
  vanishing: { data: "xor", initializer: "normal", rate: 1 },
  symmetry: { data: "three", initializer: "zeros", rate: 1 },
};
let current = 0;
let answer = null;
let example = 0;
let points = structuredClone(DATA.two);

const learningRate = () => 10 ** Number($("learning_rate").value);

/** Format a number; small and large ones in scientific notation, which a rate of 100 needs. */
function scientific(value, digits) {
  const size = Math.abs(value);
  if (size === 0) return "0"; // also of -0
  if (size >= 1e-3 && size < 1e5) return number(value, digits);
  const [mantissa, exponent] = value.toExponential(digits - 1).split("e");
  return `${number(Number(mantissa), digits)}e${exponent.replace("+", "")}`;
}
const short = (value) => (value === null ? _("too large") : scientific(value, 3));
const brief = (value) => (value === null ? "∞" : scientific(value, 2));

/** Create a vector or a matrix in brackets; of one row per example, the shown one is marked. */
function matrix(value, name) {
  const rows = Array.isArray(value) ? (Array.isArray(value[0]) ? value : [value]) : [[value]];
  const marked = rows.length > 1 && rows.length === points.x.length && !name.includes("_") ? example : -1;
  return el("table", { class: "matrix", role: "img", "aria-label": `${name}: ${rows.map((row) => row.map(short).join(", ")).join("; ")}` },
    el("tbody", {}, rows.map((row, index) => el("tr", { class: index === marked ? "marked" : "" }, row.map((each) => el("td", {}, short(each)))))));
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
  const rows = {
    x: answer.forward.x,
    h: key === "a" ? answer.forward.a : key === "dh" ? answer.gradients.h : key === "da" || key === "dw_h" ? answer.gradients.a : answer.forward.h,
    p: back ? answer.gradients.z : key === "z" ? answer.forward.z : answer.forward.p,
  };
  return Object.fromEntries(Object.entries(rows).map(([name, matrix]) => [name, matrix[example]]));
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
      const truth = layer.key === "p" && answer.forward.y[example][index] === 1;
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
  const curve = answer.losses.map((loss, step) => [step, loss]).filter(([, loss]) => loss !== null);
  const here = answer.losses[answer.step];
  chart($("losses"), { series: [{ name: "L", points: curve }], x: _("step"), y: "L", title: _("Loss by step"), mark: here === null ? null : [answer.step, here], low: 0, height: 200 });
  drawPlane();
  document.body.dataset.step = answer.step;
}

/** Color the plane by the predicted class, and draw the examples in the color of their true one. */
function drawPlane() {
  const canvas = $("boundary");
  const rows = answer.plane;
  const colors = ["--c0", "--c2"].map((name) => rgb(color(name)));
  const paper = rgb(color("--card"));
  const image = new ImageData(rows.length, rows.length);
  rows.forEach((row, down) => row.forEach((p, right) => {
    const at = 4 * ((rows.length - 1 - down) * rows.length + right);
    const certainty = p === null ? 0 : 0.75 * Math.abs(2 * p - 1);
    const full = colors[p > 0.5 ? 0 : 1];
    for (let channel = 0; channel < 3; channel += 1) image.data[at + channel] = paper[channel] + certainty * (full[channel] - paper[channel]);
    image.data[at + 3] = 255;
  }));
  const small = new OffscreenCanvas(rows.length, rows.length);
  small.getContext("2d").putImageData(image, 0, 0);
  const side = Math.max(1, canvas.clientWidth) * devicePixelRatio;
  canvas.width = canvas.height = side;
  const pen = canvas.getContext("2d");
  pen.drawImage(small, 0, 0, side, side);
  points.x.forEach(([x1, x2], index) => {
    pen.beginPath();
    pen.arc(((x1 + 2) / 4) * side, ((2 - x2) / 4) * side, (index === example ? 10 : 7) * devicePixelRatio, 0, 2 * Math.PI);
    pen.fillStyle = color(points.labels[index] === 0 ? "--c0" : "--c2");
    pen.fill();
    pen.lineWidth = (index === example ? 3 : 1.5) * devicePixelRatio;
    pen.strokeStyle = color("--ink");
    pen.stroke();
  });
}

const refresh = latestOnly(async () => {
  const body = { ...points, initializer: $("initializer").value, learning_rate: learningRate(), step: Number($("step").value) };
  const found = await attempt(() => request("/api/backprop", { body }));
  if (!found) return;
  answer = found;
  draw();
});

function showOptions() {
  [$("x1").value, $("x2").value] = points.x[example];
  $("label").value = points.labels[example];
  for (const output of document.querySelectorAll("output")) {
    const input = $(output.htmlFor.value);
    output.textContent = input.id === "learning_rate" ? number(learningRate(), 2) : number(Number(input.value), 3);
  }
  $("examples").replaceChildren(...points.x.map((_point, index) => el("button", { type: "button", class: "small", "aria-pressed": String(index === example), "aria-label": _("example {number}", { number: index + 1 }) }, String(index + 1))));
  for (const text of document.querySelectorAll("#observations p")) text.hidden = text.dataset.preset !== $("preset").value;
}

function choosePreset(name) {
  const preset = PRESETS[name];
  if (preset) {
    $("data").value = preset.data;
    $("initializer").value = preset.initializer;
    $("learning_rate").value = Math.log10(preset.rate);
    $("step").value = 0;
    chooseData(preset.data);
  }
}

function chooseData(name) {
  points = structuredClone(DATA[name]);
  example = 0;
}

function chooseExample(index) {
  example = index;
  keep();
  showOptions();
  if (answer) draw();
}

function moveStep(by) {
  $("step").value = Number($("step").value) + by;
  keep();
  showOptions();
  refresh();
}

function moveStage(by) {
  current = Math.max(0, Math.min(stages.length - 1, current + by));
  keep();
  if (answer) draw();
  stages[current].scrollIntoView({ block: "nearest", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
}

/** Show the settings that a link carries: those of a preset, or each of them. */
function showLinked(given) {
  if (PRESETS[given.preset]) $("preset").value = given.preset;
  choosePreset($("preset").value);
  if (given.points) showLinkedPoints(given);
  if (given.step) $("step").value = Number(given.step) || 0;
  example = Math.min(points.x.length - 1, Math.max(0, Number(given.example) - 1 || 0));
  current = Math.max(0, ORDER.indexOf(given.stage));
  showOptions();
  refresh();
}

function showLinkedPoints(given) {
  const rows = given.points.split(";").map((row) => row.split(",").map(Number)).filter((row) => row.length === 3 && row.every(Number.isFinite));
  if (!rows.length || rows.length > 4) return;
  points = { x: rows.map(([x1, x2]) => [Math.max(-2, Math.min(2, x1)), Math.max(-2, Math.min(2, x2))]), labels: rows.map((row) => (row[2] ? 1 : 0)) };
  $("preset").value = "custom";
  for (const id of ["data", "initializer"]) if ([...$(id).options].some((each) => each.value === given[id])) $(id).value = given[id];
  if (Number.isFinite(Number(given.rate ?? NaN))) $("learning_rate").value = Number(given.rate);
}

/** Keep the settings in the address. */
function keep() {
  const custom = $("preset").value === "custom";
  const own = { data: $("data").value, initializer: $("initializer").value, rate: $("learning_rate").value, points: points.x.map((point, index) => [...point, points.labels[index]].join()).join(";") };
  const none = Object.fromEntries(Object.keys(own).map((name) => [name, ""]));
  writeState({ preset: custom ? "" : $("preset").value, ...(custom ? own : none), step: $("step").value, example: example ? example + 1 : "", stage: current ? ORDER[current] : "" });
}

function changed(event) {
  if (event.target.id === "preset") choosePreset($("preset").value);
  else if (event.target.id !== "step") $("preset").value = "custom";
  if (event.target.id === "data") chooseData($("data").value);
  keep();
  showOptions();
  refresh();
}

function moveExample() {
  points.x[example] = [Number($("x1").value), Number($("x2").value)];
  points.labels[example] = Number($("label").value);
  $("preset").value = "custom";
  keep();
  showOptions();
  refresh();
}

/** Advance to the last step, a few steps a frame, or stop. */
const player = { timer: null };
function play() {
  const last = Number($("step").max);
  if (player.timer === null && Number($("step").value) === last) $("step").value = 0;
  if (player.timer !== null) {
    clearInterval(player.timer);
    player.timer = null;
    return;
  }
  player.timer = setInterval(() => {
    moveStep(2);
    if (Number($("step").value) >= last) play();
  }, 50);
}

$("controls").addEventListener("input", changed);
$("controls").addEventListener("submit", (event) => event.preventDefault());
$("play").addEventListener("click", play);
for (const id of ["x1", "x2", "label"]) $(id).addEventListener("input", moveExample);
$("examples").addEventListener("click", (event) => {
  const index = [...$("examples").children].indexOf(event.target);
  if (index >= 0) chooseExample(index);
});
$("boundary").addEventListener("click", (event) => {
  const box = $("boundary").getBoundingClientRect();
  const at = [((event.clientX - box.left) / box.width) * 4 - 2, 2 - ((event.clientY - box.top) / box.height) * 4];
  const distances = points.x.map(([x1, x2]) => Math.hypot(x1 - at[0], x2 - at[1]));
  chooseExample(distances.indexOf(Math.min(...distances)));
});
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
onAddress(showLinked);
