// The explorer: labeled points on a canvas. No library, no network; all data is embedded in the page.
const data = JSON.parse(document.getElementById("data").textContent);
const texts = data.texts;
const N = data.labels.length;
const CORRECT_COLOR = "#8c959f", MAX_IMAGES = 240;
const darkScheme = matchMedia("(prefers-color-scheme: dark)");
const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)").matches;

const planes = data.planes.map((plane) => {
  const bytes = Uint8Array.from(atob(plane.points), (character) => character.charCodeAt(0));
  const steps = new DataView(bytes.buffer);
  const points = new Float32Array(2 * N);
  for (let i = 0; i < 2 * N; i++) points[i] = steps.getUint16(2 * i, true) / 65535;
  return { ...plane, points };
});
const layers = [...new Set(planes.map((plane) => plane.layer))];

const state = {
  plane: planes[0], color: "class", hulls: false, ellipses: false, mode: "move",
  hidden: new Set(), selected: new Set(), hover: -1, path: null,
  view: { scale: 1, x: 0, y: 0 },
};
const positions = Float32Array.from(planes[0].points); // current positions, also during an animation
let animation = null;

const canvas = document.getElementById("plane");
const context = canvas.getContext("2d");
const tooltip = document.getElementById("tooltip");
const sheet = data.sheet ? Object.assign(new Image(), { src: data.sheet.image }) : null;

function element(tag, attributes = {}, ...children) {
  const node = Object.assign(document.createElement(tag), attributes);
  node.append(...children);
  return node;
}

// ---- coordinates ------------------------------------------------------------------------------
function viewport() {
  const { width, height } = canvas.getBoundingClientRect();
  const side = Math.min(width, height) * 0.9;
  return { width, height, side, left: (width - side) / 2, top: (height - side) / 2 };
}
function toScreen(x, y, f = viewport()) {
  const { scale, x: dx, y: dy } = state.view;
  return [f.left + (x * f.side) * scale + dx, f.top + ((1 - y) * f.side) * scale + dy];
}

// ---- colors -----------------------------------------------------------------------------------
let colors, wrongColor;
function applyPalette() {
  colors = darkScheme.matches ? data.colors_on_dark : data.colors;
  wrongColor = darkScheme.matches ? "#ff7a5c" : "#cc3311";
}
applyPalette();
darkScheme.addEventListener("change", () => { applyPalette(); showLegend(); redraw(); });
function colorOf(i) {
  if (state.color === "error") return data.labels[i] === data.predicted[i] ? CORRECT_COLOR : wrongColor;
  return colors[(state.color === "predicted" ? data.predicted : data.labels)[i]];
}
const visible = (i) => !state.hidden.has(data.labels[i]);

// ---- drawing ----------------------------------------------------------------------------------
let waiting = false;
function redraw() {
  if (!waiting) { waiting = true; requestAnimationFrame(draw); }
}
function draw(now) {
  waiting = false;
  if (animation) animate(now);
  const f = viewport(), ratio = devicePixelRatio || 1;
  if (canvas.width !== Math.round(f.width * ratio) || canvas.height !== Math.round(f.height * ratio)) {
    canvas.width = Math.round(f.width * ratio);
    canvas.height = Math.round(f.height * ratio);
  }
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, f.width, f.height);
  if (!animation) {
    if (state.hulls) drawOutlines(state.plane.hulls, f, []);
    if (state.ellipses) drawOutlines(state.plane.ellipses, f, [6, 4]);
  }
  drawPoints(f);
  if (state.path) drawSelectionPath();
}
function drawPoints(f) {
  const size = Math.max(2, Math.min(9, (N > 20000 ? 1.6 : N > 3000 ? 2.6 : 4.2) * Math.sqrt(state.view.scale)));
  const groups = new Map();
  for (let i = 0; i < N; i++) {
    if (!visible(i)) continue;
    const color = colorOf(i);
    if (!groups.has(color)) groups.set(color, []);
    groups.get(color).push(i);
  }
  const any = state.selected.size > 0;
  // errors are few: draw them over the correct points
  for (const color of [...groups.keys()].sort((a, b) => (a === wrongColor) - (b === wrongColor))) {
    context.fillStyle = color;
    for (const part of any ? [false, true] : [null]) {
      context.globalAlpha = part === false ? 0.15 : 0.8;
      context.beginPath();
      for (const i of groups.get(color)) {
        if (part !== null && state.selected.has(i) !== part) continue;
        const [x, y] = toScreen(positions[2 * i], positions[2 * i + 1], f);
        if (x < -9 || y < -9 || x > f.width + 9 || y > f.height + 9) continue;
        context.rect(x - size / 2, y - size / 2, size, size);
      }
      context.fill();
    }
  }
  context.globalAlpha = 1;
  if (state.hover >= 0) {
    const [x, y] = toScreen(positions[2 * state.hover], positions[2 * state.hover + 1], f);
    context.strokeStyle = getComputedStyle(document.body).color;
    context.lineWidth = 2;
    context.strokeRect(x - size / 2 - 2, y - size / 2 - 2, size + 4, size + 4);
  }
}
function drawOutlines(polygons, f, dash) {
  context.lineWidth = 1.6;
  context.setLineDash(dash);
  polygons.forEach((polygon, k) => {
    if (state.hidden.has(k) || polygon.length < 2) return;
    context.beginPath();
    for (const [x, y] of polygon) context.lineTo(...toScreen(x, y, f));
    context.closePath();
    context.fillStyle = context.strokeStyle = colors[k];
    context.globalAlpha = 0.1;
    context.fill();
    context.globalAlpha = 1;
    context.stroke();
  });
  context.setLineDash([]);
}
function drawSelectionPath() {
  context.beginPath();
  for (const [x, y] of corners(state.path)) context.lineTo(x, y);
  context.closePath();
  context.fillStyle = "rgb(136 34 85 / .12)";
  context.strokeStyle = "#882255";
  context.lineWidth = 1.5;
  context.fill();
  context.stroke();
}

// ---- animation between planes -----------------------------------------------------------------
function moveTo(plane) {
  state.plane = plane;
  animation = { from: Float32Array.from(positions), start: performance.now(), duration: reducedMotion ? 0 : 900 };
  showNumbers();
  redraw();
}
function animate(now) {
  const t = animation.duration ? Math.min(1, Math.max(0, now - animation.start) / animation.duration) : 1;
  const eased = t * t * (3 - 2 * t);
  for (let i = 0; i < 2 * N; i++) positions[i] = animation.from[i] + (state.plane.points[i] - animation.from[i]) * eased;
  if (t >= 1) animation = null;
  redraw();
}

// ---- hovering ---------------------------------------------------------------------------------
function nearest(x, y, reach = 12) {
  const f = viewport();
  let best = -1, bestDistance = reach * reach;
  for (let i = 0; i < N; i++) {
    if (!visible(i)) continue;
    const [px, py] = toScreen(positions[2 * i], positions[2 * i + 1], f);
    const d = (px - x) ** 2 + (py - y) ** 2;
    if (d < bestDistance) { bestDistance = d; best = i; }
  }
  return best;
}
function thumbnail(i, side) {
  const image = element("canvas", { width: side, height: side });
  const { columns, width, height } = data.sheet;
  const brush = image.getContext("2d");
  brush.imageSmoothingEnabled = width > side;
  const paint = () => brush.drawImage(sheet, (i % columns) * width, Math.floor(i / columns) * height, width, height, 0, 0, side, side);
  sheet.complete ? paint() : sheet.addEventListener("load", paint, { once: true });
  return image;
}
function describe(i) {
  const lines = [`${texts.true}: ${data.names[data.labels[i]]}`];
  if (data.predicted) lines.push(`${texts.guess}: ${data.names[data.predicted[i]]}`);
  return lines;
}
function hover(i, x, y) {
  if (i !== state.hover) {
    state.hover = i;
    redraw();
    tooltip.hidden = i < 0;
    if (i >= 0) {
      tooltip.replaceChildren(...(sheet ? [thumbnail(i, 84)] : []), ...describe(i).map((line) => element("div", { textContent: line })));
      tooltip.dataset.index = i;
    }
  }
  if (i >= 0) {
    const f = viewport();
    tooltip.style.left = `${Math.min(x + 14, f.width - tooltip.offsetWidth - 4)}px`;
    tooltip.style.top = `${Math.min(y + 14, f.height - tooltip.offsetHeight - 4)}px`;
  }
}

// ---- selecting --------------------------------------------------------------------------------
function corners(path) {
  if (path.kind === "lasso") return path.points;
  const [[a, b], [c, d]] = [path.points[0], path.points.at(-1)];
  return [[a, b], [c, b], [c, d], [a, d]];
}
function inside(polygon, x, y) {
  let isInside = false;
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
    const [ax, ay] = polygon[i], [bx, by] = polygon[j];
    if ((ay > y) !== (by > y) && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) isInside = !isInside;
  }
  return isInside;
}
function select(path) {
  const polygon = corners(path), f = viewport();
  state.selected = new Set();
  for (let i = 0; i < N; i++)
    if (visible(i) && inside(polygon, ...toScreen(positions[2 * i], positions[2 * i + 1], f))) state.selected.add(i);
  showSelection();
  redraw();
}
function showSelection() {
  const box = document.getElementById("selection");
  const chosen = [...state.selected];
  if (!chosen.length) {
    box.replaceChildren(element("p", { textContent: texts.none }), element("p", { textContent: texts.hint }));
    return;
  }
  const clear = element("button", { type: "button", textContent: texts.clear, onclick: clearSelection });
  const counts = data.names.map((name, k) => [name, chosen.filter((i) => data.labels[i] === k).length]).filter(([, n]) => n);
  counts.sort((a, b) => b[1] - a[1]);
  const images = element("div", { id: "images" }, ...chosen.slice(0, MAX_IMAGES).map((i) => {
    const figure = element("figure", { title: describe(i).join(", ") }, ...(sheet ? [thumbnail(i, 56)] : []));
    const wrong = data.predicted && data.predicted[i] !== data.labels[i];
    figure.append(data.names[data.labels[i]] + (wrong ? ` → ${data.names[data.predicted[i]]}` : ""));
    figure.classList.toggle("wrong", Boolean(wrong));
    return figure;
  }));
  box.replaceChildren(
    element("h2", {}, texts.selected.replace("{n}", chosen.length), clear),
    element("p", { textContent: counts.map(([name, n]) => `${name}: ${n}`).join(" · ") }),
    images,
    ...(chosen.length > MAX_IMAGES ? [element("p", { textContent: texts.more.replace("{n}", chosen.length - MAX_IMAGES) })] : []),
  );
}
function clearSelection() {
  state.selected = new Set();
  state.path = null;
  showSelection();
  redraw();
}

// ---- pointer, wheel, keys ---------------------------------------------------------------------
const at = (event) => { const box = canvas.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };
let dragged = null;
canvas.addEventListener("pointerdown", (event) => {
  canvas.setPointerCapture(event.pointerId);
  const kind = event.shiftKey && state.mode === "move" ? "box" : state.mode;
  if (kind === "move") dragged = at(event);
  else state.path = { kind, points: [at(event)] };
  hover(-1);
});
canvas.addEventListener("pointermove", (event) => {
  const [x, y] = at(event);
  if (dragged) {
    state.view.x += x - dragged[0];
    state.view.y += y - dragged[1];
    dragged = [x, y];
    redraw();
  } else if (state.path) {
    state.path.points.push([x, y]);
    redraw();
  } else hover(nearest(x, y), x, y);
});
canvas.addEventListener("pointerup", () => {
  dragged = null;
  if (state.path) {
    const path = state.path;
    state.path = null;
    if (path.points.length > 1) select(path);
    else clearSelection();
  }
});
canvas.addEventListener("pointerleave", () => hover(-1));
canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  zoom(Math.exp(-event.deltaY * 0.0015), ...at(event));
}, { passive: false });
canvas.addEventListener("keydown", (event) => {
  const { width, height } = viewport();
  const moves = { ArrowLeft: [40, 0], ArrowRight: [-40, 0], ArrowUp: [0, 40], ArrowDown: [0, -40] };
  if (moves[event.key]) { state.view.x += moves[event.key][0]; state.view.y += moves[event.key][1]; redraw(); }
  else if (event.key === "+") zoom(1.25, width / 2, height / 2);
  else if (event.key === "-") zoom(0.8, width / 2, height / 2);
});
addEventListener("keydown", (event) => { if (event.key === "Escape") clearSelection(); });
addEventListener("resize", redraw);
function zoom(factor, x, y) {
  const f = viewport(), view = state.view;
  const scale = Math.min(60, Math.max(0.5, view.scale * factor)), ratio = scale / view.scale;
  view.x = x - f.left - (x - f.left - view.x) * ratio;
  view.y = y - f.top - (y - f.top - view.y) * ratio;
  view.scale = scale;
  redraw();
}

// ---- controls ---------------------------------------------------------------------------------
function dropdown(id, label, options, chosen, changed) {
  const list = element("select", { id, onchange: () => changed(list.value) });
  for (const [value, text] of options) list.append(element("option", { value, textContent: text, selected: value === chosen }));
  return element("label", {}, label, list);
}
function toggle(id, label, pressed, changed) {
  const button = element("button", { id, type: "button", textContent: label });
  const render = (value) => button.setAttribute("aria-pressed", String(value));
  button.onclick = () => render(changed());
  render(pressed);
  return button;
}
function showControls() {
  const projections = planes.filter((plane) => plane.layer === state.plane.layer).map((plane) => [plane.projection, plane.projection]);
  const colorModes = [["class", texts.class], ...(data.predicted ? [["predicted", texts.predicted], ["error", texts.error]] : [])];
  const modes = ["move", "box", "lasso"].map((mode) => toggle(mode, texts[mode], state.mode === mode, () => { state.mode = mode; showControls(); return true; }));
  const findPlane = (layer, projection) =>
    planes.find((plane) => plane.layer === layer && plane.projection === projection) ?? planes.find((plane) => plane.layer === layer);
  document.getElementById("controls").replaceChildren(
    dropdown("layer", texts.layer, layers.map((name) => [name, name]), state.plane.layer, (layer) => { moveTo(findPlane(layer, state.plane.projection)); showControls(); }),
    dropdown("projection", texts.projection, projections, state.plane.projection, (name) => moveTo(findPlane(state.plane.layer, name))),
    dropdown("color", texts.color, colorModes, state.color, (value) => { state.color = value; showLegend(); redraw(); }),
    toggle("hulls", texts.hulls, state.hulls, () => { state.hulls = !state.hulls; redraw(); return state.hulls; }),
    toggle("ellipses", texts.ellipses, state.ellipses, () => { state.ellipses = !state.ellipses; redraw(); return state.ellipses; }),
    ...modes,
    element("button", { id: "reset", type: "button", textContent: texts.reset, onclick: () => { state.view = { scale: 1, x: 0, y: 0 }; redraw(); } }),
  );
}
function showLegend() {
  const box = document.getElementById("legend");
  const mark = (color) => { const dot = element("i"); dot.style.background = color; return dot; };
  if (state.color === "error") {
    const wrong = data.labels.filter((label, i) => label !== data.predicted[i]).length;
    box.replaceChildren(element("span", {}, mark(CORRECT_COLOR), ` ${texts.right} (${N - wrong}) `), element("span", {}, mark(wrongColor), ` ${texts.wrong} (${wrong})`));
    return;
  }
  box.title = texts.hide;
  box.replaceChildren(...data.names.map((name, k) => {
    const button = element("button", { type: "button" }, mark(colors[k]), name);
    button.classList.toggle("off", state.hidden.has(k));
    button.onclick = () => {
      if (!state.hidden.delete(k)) state.hidden.add(k);
      button.classList.toggle("off", state.hidden.has(k));
      redraw();
    };
    return button;
  }));
}
function showNumbers() {
  const parts = Object.entries(state.plane.numbers).map(([name, value]) => `${name} ${value}`);
  document.getElementById("numbers").textContent = [texts.points.replace("{n}", N), ...parts].join(" · ");
  canvas.setAttribute("aria-label", `${state.plane.layer}, ${state.plane.projection}. ${parts.join(", ")}`);
}

showControls();
showLegend();
showNumbers();
showSelection();
redraw();
// for tests: the position of a point on the screen, and whether no animation is running
window.explorer = { state, positionOf: (i) => toScreen(positions[2 * i], positions[2 * i + 1]), isIdle: () => animation === null };
