// Draw a digit; every net classifies it while it is drawn.

import { decodeStrokes, encodeStrokes, onAddress, writeState } from "./address.js";
import { Plane, bytes, color, paint, paintSigned, tile } from "./canvas.js";
import { _, $, attempt, el, language, latestOnly, perFrame, percent, request } from "./common.js";
import { ready, whenChanged } from "./models.js";

const pad = $("pad");
const context = pad.getContext("2d");
let strokes = [];
let drawing = false;
let plane = null;

// Each digit as strokes in the unit square, for the keyboard and for the example button.
const GLYPHS = {
  0: [[[0.5, 0.05], [0.25, 0.2], [0.2, 0.5], [0.25, 0.8], [0.5, 0.95], [0.75, 0.8], [0.8, 0.5], [0.75, 0.2], [0.5, 0.05]]],
  1: [[[0.35, 0.25], [0.55, 0.05], [0.55, 0.95]]],
  2: [[[0.22, 0.28], [0.35, 0.08], [0.6, 0.06], [0.75, 0.22], [0.7, 0.42], [0.45, 0.68], [0.22, 0.92], [0.8, 0.92]]],
  3: [[[0.25, 0.12], [0.55, 0.05], [0.75, 0.2], [0.65, 0.42], [0.42, 0.48], [0.68, 0.54], [0.78, 0.74], [0.58, 0.93], [0.25, 0.88]]],
  4: [[[0.6, 0.05], [0.2, 0.62], [0.82, 0.62]], [[0.62, 0.35], [0.62, 0.95]]],
  5: [[[0.75, 0.06], [0.32, 0.06], [0.28, 0.45], [0.55, 0.4], [0.76, 0.55], [0.74, 0.8], [0.5, 0.95], [0.24, 0.86]]],
  6: [[[0.65, 0.05], [0.38, 0.3], [0.25, 0.65], [0.38, 0.92], [0.65, 0.92], [0.75, 0.7], [0.6, 0.52], [0.38, 0.55], [0.27, 0.7]]],
  7: [[[0.2, 0.08], [0.8, 0.08], [0.58, 0.45], [0.42, 0.95]]],
  8: [[[0.5, 0.48], [0.28, 0.3], [0.35, 0.08], [0.65, 0.08], [0.72, 0.3], [0.5, 0.48], [0.25, 0.7], [0.35, 0.94], [0.65, 0.94], [0.75, 0.7], [0.5, 0.48]]],
  9: [[[0.72, 0.3], [0.6, 0.48], [0.36, 0.46], [0.27, 0.25], [0.42, 0.06], [0.66, 0.1], [0.73, 0.3], [0.7, 0.6], [0.58, 0.95]]],
};

function redraw() {
  context.clearRect(0, 0, pad.width, pad.height);
  context.strokeStyle = color("--ink");
  context.fillStyle = context.strokeStyle;
  context.lineWidth = pad.width * 0.065;
  context.lineCap = context.lineJoin = "round";
  for (const stroke of strokes) {
    context.beginPath();
    stroke.forEach(([x, y], index) => context[index ? "lineTo" : "moveTo"](x * pad.width, y * pad.height));
    if (stroke.length === 1) context.lineTo(stroke[0][0] * pad.width + 0.1, stroke[0][1] * pad.height);
    context.stroke();
  }
}

function showBars(list, probabilities, best) {
  list.replaceChildren(...probabilities.flatMap((value, digit) => {
    const fill = el("i");
    fill.style.width = `${100 * value}%`;
    return [
      el("dt", { class: digit === best ? "best" : null }, String(digit)),
      el("dd", { class: "bar", "aria-hidden": "true" }, fill),
      el("dd", { class: "value" }, percent(value)),
    ];
  }));
}

const LAYERS = () => ({ hidden_1: _("hidden layer"), sigmoid: _("hidden layer"), relu1: _("first feature maps"), relu2: _("second feature maps") });

const nameOf = (layer) => LAYERS()[layer.name] ?? layer.name;

function showLayers(net, container, found) {
  container.replaceChildren(...found.map((layer) => {
    const canvas = el("canvas", { "aria-hidden": "true" });
    const [count, height, width] = layer.shape;
    const columns = height === 1 ? Math.min(20, width) : 8;
    tile(canvas, bytes(layer.data), height === 1 ? [width, 1, 1] : layer.shape, columns, "--c0");
    const size = height === 1 ? `${width}` : `${count} × ${height} × ${width}`;
    const open = (event) => {
      const box = canvas.getBoundingClientRect(), total = height === 1 ? width : count;
      const [across, down] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
      const unit = event.detail ? columns * Math.floor(down * Math.ceil(total / columns)) + Math.floor(across * columns) : 0; // 0: a key
      openUnit(net, layer.name, Math.max(0, Math.min(total - 1, unit)));
    };
    const button = el("button", { type: "button", class: "maps", title: _("Enlarge a unit with its weights"), "aria-label": _("Enlarge: {layer}", { layer: nameOf(layer) }), onclick: open }, canvas);
    return el("figure", { class: "layer" }, button, el("figcaption", {}, `${nameOf(layer)}, ${size}`));
  }));
}

// ---- weights times image: what speaks for each class --------------------------------------------
function showEvidence(container, evidence, best) {
  container.hidden = !evidence;
  if (!evidence) return;
  const all = bytes(evidence.maps), sign = (value) => (value < 0 ? "−" : "+") + Math.abs(value).toLocaleString(language, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
  container.replaceChildren(
    el("h3", {}, _("Why {digit}: weights × image", { digit: best })),
    el("div", { class: "evidence-maps" }, evidence.sums.map((sum, digit) => {
      const canvas = el("canvas", { role: "img", "aria-label": _("weights × image of the class {digit}: {sum}", { digit, sum: sign(sum) }) });
      paintSigned(canvas, all.subarray(784 * digit, 784 * (digit + 1)), 28, 28);
      return el("figure", { class: digit === best ? "best" : null }, canvas, el("figcaption", {}, el("strong", {}, String(digit)), ` ${sign(sum + evidence.biases[digit])}`));
    })),
    el("p", { class: "muted" }, el("span", { class: "swatch plus" }), _("for the class"), " ", el("span", { class: "swatch minus" }), _("against it"), ". ", _("Below each class: the sum over the pixels, with its bias. The largest sum wins; softmax turns the sums into probabilities.")));
}

// ---- one unit, enlarged, with its weights ----------------------------------------------------------
let latest = null; // the last answer of the server
let open = null; // the unit that is enlarged

async function openUnit(net, layer, unit) {
  const found = latest?.predictions[net]?.layers.find((each) => each.name === layer);
  if (!found) return;
  const filter = await attempt(() => request(`/api/digits/filter?${new URLSearchParams({ net, layer, unit, run: runs[net] ?? "" })}`));
  if (!filter) return;
  open = { net, layer, unit };
  const [count, height, width] = found.shape, isFlat = height === 1, total = isFlat ? width : count;
  const map = el("canvas", { role: "img", "aria-label": _("activation") }), weights = el("canvas", { role: "img", "aria-label": _("weights") });
  const data = bytes(found.data), [depth, rows, columns] = filter.shape;
  if (isFlat) paint(map, data.subarray(unit, unit + 1), 1, 1, "--c0");
  else paint(map, data.subarray(unit * height * width, (unit + 1) * height * width), width, height, "--c0");
  tile(weights, bytes(filter.data), filter.shape, Math.ceil(Math.sqrt(depth)), "signed");
  const shape = depth > 1 ? `${depth} × ${rows} × ${columns}` : `${rows} × ${columns}`;
  $("unit-title").textContent = _("{layer}: {unit} of {total}", { layer: nameOf(found), unit: unit + 1, total });
  const figure = (canvas, text) => el("figure", {}, canvas, el("figcaption", {}, text));
  const input = el("canvas", { role: "img", "aria-label": _("The 28 × 28 input image of the nets") });
  paint(input, bytes(latest.image), 28, 28);
  document.querySelector(".unit-figures").replaceChildren(
    figure(input, _("input image")),
    figure(weights, isFlat ? _("its weights, {shape}", { shape }) : _("its filter, {shape}", { shape })),
    figure(map, isFlat ? _("its activation") : _("its feature map, {shape}", { shape: `${height} × ${width}` })));
  $("unit-text").textContent = isFlat
    ? _("The unit adds what is below it, times its weights: positive weights (green) excite it, negative ones (red) inhibit it.")
    : _("The filter slides over what is below it: where the input resembles its positive weights (green) and avoids the negative ones (red), the activation is high.");
  if (!$("unit").open) $("unit").showModal();
  document.body.dataset.unit = `${layer} ${unit}`;
}
function turn(step) {
  const found = latest.predictions[open.net].layers.find((each) => each.name === open.layer);
  const total = found.shape[1] === 1 ? found.shape[2] : found.shape[0];
  openUnit(open.net, open.layer, (open.unit + step + total) % total);
}
$("unit-before").addEventListener("click", () => turn(-1));
$("unit-after").addEventListener("click", () => turn(1));
$("unit").addEventListener("keydown", (event) => { if (event.key === "ArrowLeft") turn(-1); else if (event.key === "ArrowRight") turn(1); });

// ---- the menu of trained nets --------------------------------------------------------------------
const runs = {}; // net -> the run that is chosen in its menu
const describeNet = ({ run, data, is_shipped: isShipped, accuracy }) =>
  [isShipped ? _("shipped, full data") : _("run {run}, {data}", { run, data: data === "sample" ? _("sample data") : _("full data") }), ...(accuracy === null ? [] : [percent(accuracy)])].join(" · ");
async function listNets() {
  const found = await attempt(() => request("/api/digits/nets"));
  for (const [key, nets] of Object.entries(found ?? {})) {
    const choice = document.querySelector(`[data-net="${key}"] .net-choice`), list = choice.querySelector("select");
    choice.hidden = nets.length < 2;
    if (!nets.some((each) => each.run === runs[key])) delete runs[key];
    list.replaceChildren(...nets.map((each) => el("option", { value: each.run, selected: each.run === runs[key] }, describeNet(each))));
    list.onchange = () => { runs[key] = list.value; classify(); };
  }
}

function clear() {
  for (const panel of document.querySelectorAll(".net-panel")) {
    panel.querySelector(".prediction").textContent = "";
    showBars(panel.querySelector(".bars"), Array(10).fill(0), -1);
    panel.querySelector(".layers").replaceChildren();
    panel.querySelector(".evidence").hidden = true;
  }
  paint($("input"), new Uint8Array(784), 28, 28);
  $("verdict").textContent = "";
  plane?.draw();
}

function show(answer) {
  latest = answer;
  paint($("input"), bytes(answer.image), 28, 28);
  const predictions = [];
  for (const [key, found] of Object.entries(answer.predictions)) {
    const panel = document.querySelector(`[data-net="${key}"]`);
    const best = found.probabilities.indexOf(Math.max(...found.probabilities));
    panel.querySelector(".prediction").textContent = String(best);
    showBars(panel.querySelector(".bars"), found.probabilities, best);
    showEvidence(panel.querySelector(".evidence"), found.evidence, best);
    showLayers(key, panel.querySelector(".layers"), found.layers);
    predictions.push(el("span", { class: "guess" }, el("span", {}, _("{net}:", { net: panel.getAttribute("aria-label") })), " ", el("strong", {}, String(best)), " ", el("small", {}, percent(found.probabilities[best]))));
  }
  $("verdict").replaceChildren(...predictions.flatMap((each, index) => (index ? [" ", each] : [each])));
  if (plane && answer.plane) showPosition(answer.plane);
  document.body.dataset.answered = String(strokes.length);
}

function showPosition({ position, nearest }) {
  const drawn = plane.draw();
  const [x, y] = plane.toCanvas(position);
  drawn.strokeStyle = color("--ink");
  drawn.lineWidth = 1.5;
  for (const index of nearest) {
    const [a, b] = plane.toCanvas(plane.points[index]);
    drawn.beginPath();
    drawn.moveTo(x, y);
    drawn.lineTo(a, b);
    drawn.stroke();
  }
  drawn.fillStyle = color("--accent");
  drawn.beginPath();
  drawn.arc(x, y, 9, 0, 2 * Math.PI);
  drawn.fill();
  drawn.stroke();
}

const classify = latestOnly(async () => {
  if (!strokes.length) return;
  const started = performance.now();
  const found = await attempt(() => request("/api/digits", { body: { strokes, runs } }));
  if (!found || !strokes.length) return;
  show(found);
  document.body.dataset.milliseconds = String(Math.round(performance.now() - started));
});
const refresh = perFrame(() => { redraw(); classify(); });

function position(event) {
  const box = pad.getBoundingClientRect();
  return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
}

pad.addEventListener("pointerdown", (event) => {
  drawing = true;
  pad.setPointerCapture(event.pointerId);
  if (strokes.length < 60) strokes.push([position(event)]);
  refresh();
  event.preventDefault();
});
pad.addEventListener("pointermove", (event) => {
  if (!drawing) return;
  const stroke = strokes[strokes.length - 1];
  for (const each of event.getCoalescedEvents?.() ?? [event]) extend(stroke, position(each));
  refresh();
});
for (const name of ["pointerup", "pointercancel"]) pad.addEventListener(name, () => { drawing = false; keep(); });

/** Add a point that is at least a pixel of the net's input from the last one, or nearly. */
function extend(stroke, [x, y]) {
  const [a, b] = stroke[stroke.length - 1];
  if (stroke.length < 2000 && Math.hypot(x - a, y - b) > 0.008) stroke.push([x, y]);
}

/** Keep the drawing in the address, and show exactly what a link to it shows. */
function keep() {
  const text = encodeStrokes(strokes);
  writeState({ drawn: text });
  strokes = decodeStrokes(text);
  refresh();
}

function drawDigit(digit) {
  strokes = GLYPHS[digit].map((stroke) => stroke.map(([x, y]) => [0.2 + 0.6 * x, 0.12 + 0.76 * y]));
  keep();
}

function reset() {
  strokes = [];
  writeState({ drawn: "" });
  redraw();
  clear();
}

pad.addEventListener("keydown", (event) => {
  if (event.key in GLYPHS) drawDigit(Number(event.key));
  else if (event.key === "Delete" || event.key === "Backspace") reset();
  else return;
  event.preventDefault();
});
$("clear").addEventListener("click", reset);
$("example").addEventListener("click", () => drawDigit(Math.floor(10 * Math.random())));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { redraw(); clear(); classify(); });

async function openPlane() {
  const found = await attempt(() => request("/api/digits/plane"));
  if (!found) return;
  $("tsne").hidden = false;
  plane = new Plane($("plane"), found.points, found.labels.map((label) => `--c${label}`), () => { plane.draw(); classify(); });
  plane.draw();
  $("classes").replaceChildren(...Array.from({ length: 10 }, (_each, label) => {
    const mark = el("span", { class: "dot", "aria-hidden": "true" });
    mark.style.background = `var(--c${label})`;
    return el("li", {}, mark, String(label));
  }));
  classify();
}

let loaded = "", listed = "";
whenChanged((state) => {
  const finished = JSON.stringify(state.runs.map((run) => [run.name, run.done]));
  if (finished !== listed) listNets();
  listed = finished;
  const now = ["digits.linear", "digits.mlp", "digits.cnn", "digits.plane"].filter(ready);
  if (now.join() === loaded) return;
  loaded = now.join();
  for (const panel of document.querySelectorAll(".net-panel")) panel.hidden = !now.includes(panel.dataset.net);
  if (now.includes("digits.plane") && !plane) openPlane();
  classify();
});
clear();
onAddress(({ drawn }) => {
  strokes = decodeStrokes(drawn);
  if (!strokes.length) clear();
  refresh();
});
