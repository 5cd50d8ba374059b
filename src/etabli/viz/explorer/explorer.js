// The explorer: labeled points on a canvas. No library, no network; all data is embedded in the page.
const data = JSON.parse(document.getElementById("data").textContent);
const texts = data.texts;
const N = data.labels.length;
const CORRECT_COLOR = "#8c959f", MAX_IMAGES = 240, MAX_NAMES = 400, MAX_THUMBNAILS = 300;
const FEW = 100_000; // above it a point is a single pixel
const darkScheme = matchMedia("(prefers-color-scheme: dark)");
const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)").matches;

/** Decode numbers of 16 bits in base64. */
function decode(text) {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  return Uint16Array.from({ length: bytes.length / 2 }, (_each, i) => view.getUint16(2 * i, true));
}
const planes = data.planes.map((plane) => ({ ...plane, points: Float32Array.from(decode(plane.points), (step) => step / 65535) }));
const layers = [...new Set(planes.map((plane) => plane.layer))];
// Nets whose layers and epochs the planes are, and the one that is shown.
const sequences = data.sequences.map((each) => ({ ...each, predicted: each.predicted.map(decode) }));
const shown = { net: 0, layer: 0, epoch: sequences.length ? sequences[0].epochs.length - 1 : 0 };
let predicted = sequences.length ? sequences[0].predicted[shown.epoch] : data.predicted;

const state = {
  plane: planes[0], color: "class", hulls: false, ellipses: false, mode: "move",
  names: Boolean(data.point_names) && !data.sheet, hidden: new Set(), selected: new Set(), hover: -1, path: null,
  view: { scale: 1, x: 0, y: 0 }, box: [...planes[0].box],
};
const kinds = data.kinds && Uint8Array.from(data.kinds); // old (pale), new, new and unlike the old (hollow)
const isSelected = new Uint8Array(N); // the same as state.selected, for the drawing loop
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
/** The square that [0, 1] x [0, 1] fills, so that points and outlines are centered and whole. */
function viewport() {
  const { width, height } = canvas.getBoundingClientRect();
  const [x0, y0, x1, y1] = state.box;
  const side = 0.94 * Math.min(width / Math.max(x1 - x0, 1e-6), height / Math.max(y1 - y0, 1e-6));
  return { width, height, side, left: width / 2 - (side * (x0 + x1)) / 2, top: height / 2 - side * (1 - (y0 + y1) / 2) };
}
function toScreen(x, y, f = viewport()) {
  const { scale, x: dx, y: dy } = state.view;
  return [f.left + (x * f.side) * scale + dx, f.top + ((1 - y) * f.side) * scale + dy];
}
function toPlane(x, y, f = viewport()) {
  const { scale, x: dx, y: dy } = state.view, side = f.side * scale;
  return [(x - f.left - dx) / side, 1 - (y - f.top - dy) / side];
}

// ---- a grid over the points, for hovering and selecting ------------------------------------------
let grid = null; // null while the points move
function buildGrid() {
  const side = Math.max(1, Math.min(1024, Math.ceil(Math.sqrt(N / 3))));
  const cell = (value) => Math.min(side - 1, Math.floor(value * side));
  const cells = new Uint32Array(N), starts = new Uint32Array(side * side + 1), order = new Uint32Array(N);
  for (let i = 0; i < N; i++) starts[(cells[i] = cell(positions[2 * i + 1]) * side + cell(positions[2 * i])) + 1]++;
  for (let k = 0; k < side * side; k++) starts[k + 1] += starts[k];
  const next = starts.slice();
  for (let i = 0; i < N; i++) order[next[cells[i]]++] = i;
  grid = { side, starts, order };
}
/** Call back with every visible point of the cells that a rectangle of the plane touches. */
function forEachIn(x0, y0, x1, y1, callback) {
  if (!grid) buildGrid();
  const { side, starts, order } = grid;
  const cell = (value) => Math.max(0, Math.min(side - 1, Math.floor(value * side)));
  for (let row = cell(y0); row <= cell(y1); row++)
    for (let k = starts[row * side + cell(x0)]; k < starts[row * side + cell(x1) + 1]; k++)
      if (visible(order[k])) callback(order[k]);
}

// ---- colors -----------------------------------------------------------------------------------
const VIRIDIS = ["#440154", "#3b528b", "#21918c", "#5ec962", "#fde725"].map(channels);
const OTHER = "#8c959f"; // of a text column, beyond the ten commonest values
let colors, wrongColor;
const packed = new Uint32Array(N); // the color of each point as the canvas stores it; 0 is hidden

function channels(hex) {
  return [1, 3, 5].map((start) => parseInt(hex.slice(start, start + 2), 16));
}
const pack = ([red, green, blue]) => ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
function viridis(share) {
  const at = Math.max(0, Math.min(1, share)) * (VIRIDIS.length - 1), low = Math.min(VIRIDIS.length - 2, Math.floor(at));
  return VIRIDIS[low].map((value, k) => Math.round(value + (VIRIDIS[low + 1][k] - value) * (at - low)));
}
function applyPalette() {
  colors = [...(darkScheme.matches ? data.colors_on_dark : data.colors)];
  if (kinds) { // a class of new points alone is not to look like one of the old
    const isOld = new Set(data.labels.filter((_label, i) => !kinds[i]));
    data.names.forEach((_name, k) => { if (!isOld.has(k)) colors[k] = darkScheme.matches ? "#dd99bb" : "#882255"; });
  }
  wrongColor = darkScheme.matches ? "#ff7a5c" : "#cc3311";
}
const column = () => data.columns.find((each) => `column ${each.name}` === state.color);
/** Fill the colors of all points, after a change of mode, of palette or of the hidden classes. */
function recolor() {
  const palette = colors.map((hex) => pack(channels(hex))), chosen = column();
  const [right, wrong, other] = [CORRECT_COLOR, wrongColor, OTHER].map((hex) => pack(channels(hex)));
  const span = chosen?.kind === "number" ? chosen.high - chosen.low || 1 : 1;
  for (let i = 0; i < N; i++) {
    if (!visible(i)) packed[i] = 0;
    else if (chosen?.kind === "number") packed[i] = chosen.values[i] === null ? other : pack(viridis((chosen.values[i] - chosen.low) / span));
    else if (chosen) packed[i] = chosen.values[i] < 10 ? pack(channels(data.palette[chosen.values[i]])) : other;
    else if (state.color === "error") packed[i] = data.labels[i] === predicted[i] ? right : wrong;
    else packed[i] = palette[(state.color === "predicted" ? predicted : data.labels)[i]];
  }
}
darkScheme.addEventListener("change", () => { applyPalette(); recolor(); showLegend(); redraw(); });
const visible = (i) => !state.hidden.has(data.labels[i]);

// ---- drawing ----------------------------------------------------------------------------------
let waiting = false;
function redraw() {
  if (!waiting) { waiting = true; requestAnimationFrame(draw); }
}
function draw(now) {
  const started = performance.now();
  waiting = false;
  if (animation) animate(now);
  const f = viewport(), ratio = devicePixelRatio || 1;
  if (canvas.width !== Math.round(f.width * ratio) || canvas.height !== Math.round(f.height * ratio)) {
    canvas.width = Math.round(f.width * ratio);
    canvas.height = Math.round(f.height * ratio);
  }
  context.setTransform(1, 0, 0, 1, 0, 0);
  drawPoints(f, ratio);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  if (!animation) {
    if (state.names) drawNames(f);
    if (state.hulls) drawOutlines(state.plane.hulls, f, []);
    if (state.ellipses) drawOutlines(state.plane.ellipses, f, [6, 4]);
    drawThumbnails(f);
  }
  drawHovered(f);
  if (state.path) drawSelectionPath();
  drawTimes.push(performance.now() - started);
  if (drawTimes.length > 200) drawTimes.shift();
  keepView();
}
const drawTimes = []; // milliseconds of the last draws
const pointSize = () => Math.max(2, Math.min(9, (N > 20000 ? 1.6 : N > 3000 ? 2.6 : 4.2) * Math.sqrt(state.view.scale)));

/** The pixels of an anti-aliased disc: offsets in x and y, and opacities from 0 to 256. */
function disc(radius, opacity) {
  const reach = Math.ceil(radius), found = [];
  for (let y = -reach; y <= reach; y++)
    for (let x = -reach; x <= reach; x++) {
      const share = Math.max(0, Math.min(1, radius + 0.5 - Math.hypot(x, y)));
      if (share > 0) found.push(x, y, Math.round(256 * share * opacity));
    }
  return Int32Array.from(found);
}
let image = null, pixels = null; // the frame buffer: far faster than a path for each point

function drawPoints(f, ratio) {
  const { width, height } = canvas;
  if (!width || !height) return; // in a frame that has no size yet: it is drawn when it is resized
  if (image?.width !== width || image.height !== height) {
    image = context.createImageData(width, height);
    pixels = new Uint32Array(image.data.buffer);
  }
  const any = state.selected.size > 0, layered = any || kinds || state.color === "error";
  const wrong = pack(channels(wrongColor));
  const levelOf = any ? (i) => isSelected[i] : kinds ? (i) => +(kinds[i] > 0) : (i) => +(packed[i] === wrong);
  const radius = (pointSize() * ratio) / 2;
  const discs = [disc(radius, any ? 0.15 : kinds ? 0.3 : 0.8), disc(radius, any ? 0.8 : 0.9)];
  const mark = Math.max(radius, 3.5 * ratio), [rim, filled, hole] = [mark + 1.5 * ratio, mark, mark - 1.5 * ratio].map((size) => disc(size, 1));
  const [ink, paper] = [getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor].map((text) => pack(text.match(/\d+/g).slice(0, 3).map(Number)));
  pixels.fill(paper);
  const { scale, x: dx, y: dy } = state.view, side = f.side * scale * ratio;
  const left = (f.left + dx) * ratio, top = (f.top + dy) * ratio, margin = Math.ceil(kinds ? mark + 2 * ratio : radius) + 1;
  const stamp = (mask, x, y, color) => { for (let k = 0; k < mask.length; k += 3) blend((y + mask[k + 1]) * width + x + mask[k], color, mask[k + 2]); };
  if (N > FEW && radius < 2 && !layered) {
    for (let i = 0; i < N; i++) {
      const x = (left + positions[2 * i] * side + 0.5) | 0, y = (top + (1 - positions[2 * i + 1]) * side + 0.5) | 0;
      if (x >= 0 && y >= 0 && x < width && y < height && packed[i] !== 0) pixels[y * width + x] = packed[i];
    }
    context.putImageData(image, 0, 0);
    return;
  }
  // Errors, new and selected points are few: they are drawn over the others.
  for (let level = 0; level < (layered ? 2 : 1); level++)
    for (let i = 0; i < N; i++) {
      const color = packed[i];
      if (color === 0 || (layered && levelOf(i) !== level)) continue;
      const x = Math.round(left + positions[2 * i] * side), y = Math.round(top + (1 - positions[2 * i + 1]) * side);
      if (x < margin || y < margin || x >= width - margin || y >= height - margin) continue;
      if (kinds?.[i] && (level || !any)) {
        stamp(rim, x, y, ink);
        stamp(filled, x, y, color);
        if (kinds[i] === 2) stamp(hole, x, y, paper);
        continue;
      }
      if (N > FEW && radius < 2) {
        if (level) pixels[y * width + x] = color;
        else blend(y * width + x, color, 40);
        continue;
      }
      stamp(discs[level], x, y, color);
    }
  context.putImageData(image, 0, 0);
}
function blend(at, color, opacity) {
  const below = pixels[at], rest = 256 - opacity;
  const redBlue = ((color & 0xff00ff) * opacity + (below & 0xff00ff) * rest) >>> 8;
  const green = ((color & 0xff00) * opacity + (below & 0xff00) * rest) >>> 8;
  pixels[at] = 0xff000000 | (redBlue & 0xff00ff) | (green & 0xff00);
}
function drawHovered(f) {
  if (state.hover < 0) return;
  const [x, y] = toScreen(positions[2 * state.hover], positions[2 * state.hover + 1], f);
  context.strokeStyle = getComputedStyle(document.body).color;
  context.lineWidth = 2;
  context.beginPath();
  context.arc(x, y, pointSize() / 2 + 3, 0, 2 * Math.PI);
  context.stroke();
}
/** Draw thumbnails in place of points, where so few are in view that they have room. */
function drawThumbnails(f) {
  if (!sheet?.complete || state.view.scale < 3) return;
  const [x0, y1] = toPlane(0, 0, f), [x1, y0] = toPlane(f.width, f.height, f), shown = [];
  forEachIn(x0, y0, x1, y1, (i) => shown.push(i));
  if (shown.length > MAX_THUMBNAILS) return;
  const { columns, width, height } = data.sheet;
  for (const i of shown) {
    const [x, y] = toScreen(positions[2 * i], positions[2 * i + 1], f);
    context.drawImage(sheet, (i % columns) * width, Math.floor(i / columns) * height, width, height, x - 14, y - 14, 28, 28);
    context.strokeStyle = `#${(packed[i] & 0xffffff).toString(16).padStart(6, "0").replace(/(..)(..)(..)/, "$3$2$1")}`;
    context.lineWidth = 2;
    context.strokeRect(x - 15, y - 15, 30, 30);
  }
}
/** Write the names of points next to them, the first points first, where they cover no other name. */
function drawNames(f) {
  const [x0, y1] = toPlane(0, 0, f), [x1, y0] = toPlane(f.width, f.height, f), inView = [], taken = [];
  forEachIn(x0, y0, x1, y1, (i) => inView.push(i));
  const rank = (i) => 4 * isSelected[i] + (kinds?.[i] ?? 0);
  inView.sort((a, b) => rank(b) - rank(a) || a - b);
  context.font = "12px system-ui, sans-serif";
  context.lineWidth = 3;
  context.lineJoin = "round";
  const { color, backgroundColor } = getComputedStyle(document.body);
  for (const i of inView.slice(0, 4000)) {
    if (taken.length >= MAX_NAMES) break;
    if (!data.point_names[i]) continue;
    const name = data.point_names[i].slice(0, 40), [x, y] = toScreen(positions[2 * i], positions[2 * i + 1], f);
    const left = x + (kinds?.[i] ? Math.max(pointSize() / 2, 5) : pointSize() / 2) + 2, box = [left, y - 8, left + context.measureText(name).width, y + 8];
    if (box[2] > f.width || taken.some((other) => box[0] < other[2] && other[0] < box[2] && box[1] < other[3] && other[1] < box[3])) continue;
    taken.push(box);
    context.globalAlpha = state.selected.size && !isSelected[i] ? 0.25 : 1;
    context.strokeStyle = backgroundColor;
    context.strokeText(name, left, y + 4);
    context.fillStyle = color;
    context.fillText(name, left, y + 4);
  }
  context.globalAlpha = 1;
  state.named = taken.length;
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
  animation = { from: Float32Array.from(positions), box: [...state.box], start: performance.now(), duration: reducedMotion ? 0 : 900 };
  showNumbers();
  redraw();
}
function animate(now) {
  const t = animation.duration ? Math.min(1, Math.max(0, now - animation.start) / animation.duration) : 1;
  const eased = t * t * (3 - 2 * t);
  for (let i = 0; i < 2 * N; i++) positions[i] = animation.from[i] + (state.plane.points[i] - animation.from[i]) * eased;
  state.box = state.plane.box.map((value, k) => animation.box[k] + (value - animation.box[k]) * eased);
  grid = null;
  if (t >= 1) animation = null;
  redraw();
}

// ---- hovering ---------------------------------------------------------------------------------
function nearest(x, y, reach = 12) {
  const f = viewport(), [px, py] = toPlane(x, y, f), far = reach / (f.side * state.view.scale);
  let best = -1, bestDistance = far * far;
  forEachIn(px - far, py - far, px + far, py + far, (i) => {
    const d = (positions[2 * i] - px) ** 2 + (positions[2 * i + 1] - py) ** 2;
    if (d < bestDistance) { bestDistance = d; best = i; }
  });
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
  const lines = data.point_names?.[i] ? [data.point_names[i]] : [];
  lines.push(`${texts.true}: ${data.names[data.labels[i]]}`);
  if (predicted) lines.push(`${texts.guess}: ${data.names[predicted[i]]}`);
  for (const each of data.columns) lines.push(`${each.name}: ${valueOf(each, i)}`);
  return lines;
}
const valueOf = (each, i) => (each.kind === "number" ? each.values[i] ?? "—" : each.names[each.values[i]]);
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
  const polygon = corners(path).map(([x, y]) => toPlane(x, y));
  const xs = polygon.map(([x]) => x), ys = polygon.map(([, y]) => y), found = [];
  forEachIn(Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys), (i) => {
    if (inside(polygon, positions[2 * i], positions[2 * i + 1])) found.push(i);
  });
  setSelection(found);
}
function setSelection(indices) {
  state.selected = new Set(indices);
  isSelected.fill(0);
  for (const i of indices) isSelected[i] = 1;
  showSelection();
  redraw();
}
/** Select the points whose name, class or text column contains a text. */
function search(text) {
  const wanted = text.trim().toLowerCase(), found = [];
  const matches = (value) => String(value).toLowerCase().includes(wanted);
  const classes = data.names.map(matches), columns = data.columns.filter((each) => each.kind === "text");
  if (wanted) for (let i = 0; i < N; i++)
    if (visible(i) && (classes[data.labels[i]] || (data.point_names && matches(data.point_names[i])) || columns.some((each) => matches(valueOf(each, i))))) found.push(i);
  setSelection(found);
}
function selectionTable() {
  const quote = (value) => (/[",\n\r]/.test(String(value)) ? `"${String(value).replaceAll('"', '""')}"` : String(value));
  const heads = ["index", ...(data.point_names ? ["name"] : []), "class", ...(predicted ? ["predicted"] : []), ...data.columns.map((each) => each.name)];
  const rows = [...state.selected].map((i) => [i, ...(data.point_names ? [data.point_names[i]] : []), data.names[data.labels[i]], ...(predicted ? [data.names[predicted[i]]] : []), ...data.columns.map((each) => valueOf(each, i))]);
  return [heads, ...rows].map((row) => row.map(quote).join(",")).join("\n") + "\n";
}
function download() {
  const link = element("a", { href: URL.createObjectURL(new Blob([selectionTable()], { type: "text/csv" })), download: "selection.csv" });
  link.click();
  URL.revokeObjectURL(link.href);
}
/** Copy the selected names, or indices where points have none. A sandboxed frame has no clipboard interface. */
function copy() {
  const area = element("textarea", { value: [...state.selected].map((i) => (data.point_names ? data.point_names[i] : i)).join("\n") });
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}
function showSelection() {
  const box = document.getElementById("selection");
  const chosen = [...state.selected];
  if (!chosen.length) {
    box.replaceChildren(...(kinds ? [element("p", { textContent: texts.kinds })] : []), ...(sheet || !kinds ? [element("p", { textContent: texts.none })] : []), element("p", { textContent: texts.hint }));
    return;
  }
  const clear = element("button", { type: "button", textContent: texts.clear, onclick: clearSelection });
  const tally = new Uint32Array(data.names.length);
  for (const i of chosen) tally[data.labels[i]]++;
  const counts = data.names.map((name, k) => [name, tally[k]]).filter(([, n]) => n);
  counts.sort((a, b) => b[1] - a[1]);
  const images = element("div", { id: "images" }, ...chosen.slice(0, MAX_IMAGES).map((i) => {
    const figure = element("figure", { title: describe(i).join(", ") }, ...(sheet ? [thumbnail(i, 56)] : []));
    const wrong = predicted && predicted[i] !== data.labels[i];
    figure.append(data.names[data.labels[i]] + (wrong ? ` → ${data.names[predicted[i]]}` : ""));
    if (data.point_names?.[i]) figure.append(element("small", { textContent: data.point_names[i] }));
    figure.classList.toggle("wrong", Boolean(wrong));
    return figure;
  }));
  box.replaceChildren(
    element("h2", {}, texts.selected.replace("{n}", chosen.length), clear),
    element("p", { className: "row" },
      element("button", { id: "copy", type: "button", textContent: data.point_names ? texts.copy_names : texts.copy, onclick: copy }),
      element("button", { id: "download", type: "button", textContent: texts.download, onclick: download })),
    element("p", { textContent: counts.map(([name, n]) => `${name}: ${n}`).join(" · ") }),
    images,
    ...(chosen.length > MAX_IMAGES ? [element("p", { textContent: texts.more.replace("{n}", chosen.length - MAX_IMAGES) })] : []),
  );
}
function clearSelection() {
  state.path = null;
  setSelection([]);
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
const colorModes = () => new Map([["class", texts.class], ...(predicted ? [["predicted", texts.predicted], ["error", texts.error]] : []), ...data.columns.map((each) => [`column ${each.name}`, each.name])]);
function showControls() {
  const projections = planes.filter((plane) => plane.layer === state.plane.layer).map((plane) => [plane.projection, plane.projection]);
  const modes = ["move", "box", "lasso"].map((mode) => toggle(mode, texts[mode], state.mode === mode, () => { state.mode = mode; showControls(); return true; }));
  const findPlane = (layer, projection) =>
    planes.find((plane) => plane.layer === layer && plane.projection === projection) ?? planes.find((plane) => plane.layer === layer);
  const planeControls = sequences.length ? sequenceControls() : [
    dropdown("layer", texts.layer, layers.map((name) => [name, name]), state.plane.layer, (layer) => { moveTo(findPlane(layer, state.plane.projection)); showControls(); }),
    dropdown("projection", texts.projection, projections, state.plane.projection, (name) => moveTo(findPlane(state.plane.layer, name))),
  ];
  document.getElementById("controls").replaceChildren(
    ...planeControls,
    dropdown("color", texts.color, colorModes(), state.color, (value) => { state.color = value; recolor(); showLegend(); redraw(); }),
    ...(planes.some((plane) => plane.hulls.length) ? [flag("hulls")] : []),
    ...(planes.some((plane) => plane.ellipses.length) ? [flag("ellipses")] : []),
    ...(data.point_names ? [flag("names")] : []),
    ...modes,
    ...(layers.length > 1 ? [playButton("play", texts.play, () => layers.map((layer) => () => showLayer(layer)))] : []),
    element("input", { id: "search", type: "search", placeholder: texts.search, ariaLabel: texts.search, oninput: (event) => search(event.target.value) }),
    element("button", { id: "reset", type: "button", textContent: texts.reset, onclick: () => { state.view = { scale: 1, x: 0, y: 0 }; redraw(); } }),
  );
}
const flag = (name) => toggle(name, texts[name], state[name], () => { state[name] = !state[name]; redraw(); return state[name]; });

// ---- playing ----------------------------------------------------------------------------------
let player = null, playing = "";
/** A button that starts an animation, given as a list of steps, and stops it. */
function playButton(id, label, makeSteps) {
  return toggle(id, `${playing === id ? "■" : "▶"} ${label}`, playing === id, () => {
    const wasPlaying = playing === id;
    stop();
    if (!wasPlaying) play(id, makeSteps());
    return playing === id;
  });
}
function play(id, steps) {
  playing = id;
  const step = () => {
    steps.shift()();
    if (steps.length) player = setTimeout(step, reducedMotion ? 1500 : 1300);
    else stop();
    showControls();
  };
  step();
}
function stop() {
  clearTimeout(player);
  playing = "";
}
function showLayer(layer) {
  const plane = planes.find((each) => each.layer === layer && each.projection === state.plane.projection);
  if (plane) moveTo(plane);
}

// ---- the layers and epochs of a net --------------------------------------------------------------
const sequence = () => sequences[shown.net];
function showStep(changes) {
  const before = shown.net;
  Object.assign(shown, changes);
  const { layers: names, epochs } = sequence();
  if (shown.net !== before) Object.assign(shown, { layer: Math.min(shown.layer, names.length - 1), epoch: Math.min(shown.epoch, epochs.length - 1) });
  predicted = sequence().predicted[shown.epoch];
  recolor();
  showLegend();
  moveTo(planes[sequence().planes[shown.epoch][shown.layer]]);
  showHits();
}
function slider(id, label, values, chosen, changed) {
  const output = element("output", { textContent: values[chosen] });
  const range = element("input", { id, type: "range", min: 0, max: values.length - 1, step: 1, value: chosen, oninput: () => { stop(); output.textContent = values[range.value]; changed(Number(range.value)); } });
  range.setAttribute("aria-valuetext", values[chosen]);
  return element("label", { className: "slider" }, label, range, output);
}
function sequenceControls() {
  const { layers: names, epochs } = sequence();
  const hidden = shown.layer || Math.max(1, names.length - 3); // the pixels do not change during training
  return [
    ...(sequences.length > 1 ? [dropdown("net", texts.net, sequences.map((each, k) => [String(k), each.net]), String(shown.net), (value) => { stop(); showStep({ net: Number(value) }); showControls(); })] : []),
    slider("layer", texts.layer, names, shown.layer, (layer) => showStep({ layer })),
    slider("epoch", texts.epoch, epochs.map(String), shown.epoch, (epoch) => showStep({ epoch })),
    playButton("play-layers", texts.play_layers, () => names.map((_name, layer) => () => showStep({ layer }))),
    playButton("play-epochs", texts.play_epochs, () => epochs.map((_epoch, epoch) => () => showStep({ layer: hidden, epoch }))),
  ];
}
const percent = (value, digits = 1) => value.toLocaleString(document.documentElement.lang, { style: "percent", minimumFractionDigits: digits, maximumFractionDigits: digits });
/** The hit of every layer after every epoch as a table; a click shows that plane. */
function showHits() {
  const box = document.getElementById("hits");
  box.hidden = !sequences.length;
  if (box.hidden) return;
  const { layers: names, epochs, plane_hits: inPlane, hits, predicted: guesses } = sequence();
  const accuracy = data.labels.filter((label, i) => label === guesses[shown.epoch][i]).length / N;
  const cell = (epoch, layer) => {
    const value = inPlane[epoch][layer], here = epoch === shown.epoch && layer === shown.layer;
    const button = element("button", { type: "button", textContent: (100 * value).toFixed(0), title: `${names[layer]}, ${texts.epoch.toLowerCase()} ${epochs[epoch]}: ${percent(value)}`, onclick: () => { stop(); showStep({ epoch, layer }); showControls(); } });
    button.style.setProperty("--hit", `${100 * Math.max(0, 2 * value - 1) ** 8}%`);
    if (here) button.setAttribute("aria-current", "true");
    return element("td", {}, button);
  };
  const heads = names.map((name) => element("th", { scope: "col" }, element("span", { textContent: name })));
  const rows = epochs.map((epoch, k) => element("tr", {}, element("th", { scope: "row", textContent: epoch }), ...names.map((_name, layer) => cell(k, layer))));
  box.replaceChildren(
    element("p", { className: "hit" }, element("strong", { textContent: percent(inPlane[shown.epoch][shown.layer]) }), ` ${texts.hit_here}`),
    element("p", {}, `${texts.hit_space} ${percent(hits[shown.epoch][shown.layer])} · ${texts.accuracy} ${percent(accuracy)}`),
    element("table", {}, element("caption", { textContent: texts.hit_table }), element("thead", {}, element("tr", {}, element("td"), ...heads)), element("tbody", {}, ...rows)));
}
function showLegend() {
  const box = document.getElementById("legend");
  const mark = (color) => { const dot = element("i"); dot.style.background = color; return dot; };
  if (state.color === "error") {
    const wrong = data.labels.filter((label, i) => label !== predicted[i]).length;
    box.replaceChildren(element("span", {}, mark(CORRECT_COLOR), ` ${texts.right} (${N - wrong}) `), element("span", {}, mark(wrongColor), ` ${texts.wrong} (${wrong})`));
    return;
  }
  const chosen = column();
  if (chosen?.kind === "number") {
    const bar = element("i", { className: "scale" });
    bar.style.background = `linear-gradient(to right, ${[0, 0.25, 0.5, 0.75, 1].map((share) => `rgb(${viridis(share)})`)})`;
    box.replaceChildren(element("span", {}, String(chosen.low)), bar, element("span", {}, String(chosen.high)));
    return;
  }
  if (chosen) {
    box.replaceChildren(...chosen.names.slice(0, 10).map((name, k) => element("span", {}, mark(data.palette[k]), ` ${name} `)), ...(chosen.names.length > 10 ? [element("span", {}, mark(OTHER), ` ${texts.others}`)] : []));
    return;
  }
  box.title = texts.hide;
  box.replaceChildren(...data.names.map((name, k) => {
    const button = element("button", { type: "button" }, mark(colors[k]), name);
    button.classList.toggle("off", state.hidden.has(k));
    button.onclick = () => {
      if (!state.hidden.delete(k)) state.hidden.add(k);
      button.classList.toggle("off", state.hidden.has(k));
      recolor();
      redraw();
    };
    return button;
  }));
}
function showNumbers() {
  const parts = Object.entries(state.plane.numbers).map(([name, value]) => `${name} ${value}`);
  const place = sequences.length ? `${sequence().net}, ${sequence().layers[shown.layer]}, ${texts.epoch.toLowerCase()} ${sequence().epochs[shown.epoch]}` : `${state.plane.layer}, ${state.plane.projection}`;
  document.getElementById("numbers").textContent = [...(sequences.length ? [place] : []), texts.points.replace("{n}", N), ...parts].join(" · ");
  canvas.setAttribute("aria-label", `${place}. ${parts.join(", ")}`);
}

// ---- the view in the address: a link shows another person the same --------------------------------
const MAX_LINKED = 300; // selected points; an address has its limits
let keeping = null, keptView = "", keptSelection = "";
const FLAGS = ["hulls", "ellipses", "names"];
const planeText = () => (sequences.length ? [shown.net, shown.layer, shown.epoch].join() : String(planes.indexOf(state.plane)));
const usual = { color: "class", names: String(state.names), plane: planeText() }; // what a link need not carry

function viewText() {
  const { width, height } = viewport(), { scale, x, y } = state.view;
  const round = (value) => Number(value.toFixed(4));
  const view = {
    plane: planeText(),
    at: scale !== 1 || x || y ? [scale, ...toPlane(width / 2, height / 2)].map(round).join() : "",
    color: state.color,
    hidden: [...state.hidden].join(),
    selected: state.selected.size <= MAX_LINKED ? [...state.selected].join() : "",
    ...Object.fromEntries(FLAGS.map((name) => [name, state[name] ? "true" : "false"])),
  };
  const kept = Object.entries(view).filter(([name, value]) => value !== "" && value !== (usual[name] ?? "false"));
  return new URLSearchParams(kept).toString();
}
/** Write the view into the address shortly after the last drawing, and report it to the page around. */
function keepView() {
  clearTimeout(keeping);
  keeping = setTimeout(() => {
    const text = viewText(), selected = [...state.selected];
    if (animation || (text === keptView && selected.join() === keptSelection)) return;
    keptView = text;
    keptSelection = selected.join();
    if (location.protocol !== "about:") location.replace(`#${text}`); // a frame in a notebook has no address
    if (parent !== window) parent.postMessage({ view: text, selected }, "*");
  }, 300);
}
const integers = (text, end) => (text ?? "").split(",").filter((part) => /^\d+$/.test(part)).map(Number).filter((value) => value < end);
function showLinkedView() {
  const text = location.hash.slice(1);
  if (text === keptView) return;
  keptView = text;
  const given = Object.fromEntries(new URLSearchParams(text));
  state.color = colorModes().has(given.color) ? given.color : usual.color;
  for (const name of FLAGS) state[name] = (given[name] ?? usual[name]) === "true";
  state.hidden = new Set(integers(given.hidden, data.names.length));
  showLinkedPlane(given.plane ?? usual.plane);
  const [scale, x, y] = (given.at ?? "").split(",").map(Number);
  state.view = { scale: 1, x: 0, y: 0 };
  if ([scale, x, y].every(Number.isFinite) && scale > 0) lookAt(Math.min(60, Math.max(0.5, scale)), x, y);
  recolor();
  showControls();
  showLegend();
  setSelection(integers(given.selected, N));
}
function showLinkedPlane(text = "") {
  const [net, layer, epoch] = integers(text, 1e6);
  if (!sequences.length) state.plane = planes[net] ?? planes[0];
  else if (sequences[net]?.planes[epoch]?.[layer] !== undefined) {
    Object.assign(shown, { net, layer, epoch });
    predicted = sequence().predicted[epoch];
    state.plane = planes[sequence().planes[epoch][layer]];
  }
  positions.set(state.plane.points);
  state.box = [...state.plane.box];
  grid = null;
  showNumbers();
  showHits();
}
/** Put a point of the plane into the middle of the screen. */
function lookAt(scale, x, y) {
  const f = viewport();
  state.view = { scale, x: f.width / 2 - f.left - x * f.side * scale, y: f.height / 2 - f.top - (1 - y) * f.side * scale };
}
addEventListener("hashchange", showLinkedView);

applyPalette();
recolor();
showControls();
showLegend();
showNumbers();
showHits();
showSelection();
showLinkedView();
redraw();
// for tests: the position of a point on the screen, whether no animation is running, times of draws
window.explorer = { state, shown, redraw, drawTimes, selectionTable, positionOf: (i) => toScreen(positions[2 * i], positions[2 * i + 1]), isIdle: () => animation === null };
