// The explorer: labelled points on a canvas. No library, no network; everything it shows stands in the page.
const data = JSON.parse(document.getElementById("data").textContent);
const words = data.words;
const N = data.labels.length;
const RIGHT = "#8c959f", SHOWN = 240;
const night = matchMedia("(prefers-color-scheme: dark)");
const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;

const planes = data.planes.map((plane) => {
  const bytes = Uint8Array.from(atob(plane.points), (character) => character.charCodeAt(0));
  const steps = new DataView(bytes.buffer);
  const points = new Float32Array(2 * N);
  for (let i = 0; i < 2 * N; i++) points[i] = steps.getUint16(2 * i, true) / 65535;
  return { ...plane, points };
});
const layers = [...new Set(planes.map((plane) => plane.layer))];

const state = {
  plane: planes[0], colour: "class", hulls: false, ellipses: false, mode: "move",
  hidden: new Set(), selected: new Set(), hover: -1, path: null,
  view: { scale: 1, x: 0, y: 0 },
};
const places = Float32Array.from(planes[0].points); // where the points are now, on their way or arrived
let journey = null;

const canvas = document.getElementById("plane");
const pen = canvas.getContext("2d");
const card = document.getElementById("card");
const sheet = data.sheet ? Object.assign(new Image(), { src: data.sheet.image }) : null;

function element(tag, attributes = {}, ...children) {
  const made = Object.assign(document.createElement(tag), attributes);
  made.append(...children);
  return made;
}

// ---- from the plane to the screen and back ---------------------------------------------------------------------
function frame() {
  const { width, height } = canvas.getBoundingClientRect();
  const side = Math.min(width, height) * 0.9;
  return { width, height, side, left: (width - side) / 2, top: (height - side) / 2 };
}
function toScreen(x, y, f = frame()) {
  const { scale, x: dx, y: dy } = state.view;
  return [f.left + (x * f.side) * scale + dx, f.top + ((1 - y) * f.side) * scale + dy];
}

// ---- colours ---------------------------------------------------------------------------------------------------
let colours, wrongOne;
function dress() {
  colours = night.matches ? data.colours_on_dark : data.colours;
  wrongOne = night.matches ? "#ff7a5c" : "#cc3311";
}
dress();
night.addEventListener("change", () => { dress(); legend(); redraw(); });
function colourOf(i) {
  if (state.colour === "error") return data.labels[i] === data.predicted[i] ? RIGHT : wrongOne;
  return colours[(state.colour === "predicted" ? data.predicted : data.labels)[i]];
}
const visible = (i) => !state.hidden.has(data.labels[i]);

// ---- drawing ---------------------------------------------------------------------------------------------------
let waiting = false;
function redraw() {
  if (!waiting) { waiting = true; requestAnimationFrame(draw); }
}
function draw(now) {
  waiting = false;
  if (journey) travel(now);
  const f = frame(), ratio = devicePixelRatio || 1;
  if (canvas.width !== Math.round(f.width * ratio) || canvas.height !== Math.round(f.height * ratio)) {
    canvas.width = Math.round(f.width * ratio);
    canvas.height = Math.round(f.height * ratio);
  }
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, f.width, f.height);
  if (!journey) {
    if (state.hulls) outlines(state.plane.hulls, f, []);
    if (state.ellipses) outlines(state.plane.ellipses, f, [6, 4]);
  }
  dots(f);
  if (state.path) rubber();
}
function dots(f) {
  const size = Math.max(2, Math.min(9, (N > 20000 ? 1.6 : N > 3000 ? 2.6 : 4.2) * Math.sqrt(state.view.scale)));
  const groups = new Map();
  for (let i = 0; i < N; i++) {
    if (!visible(i)) continue;
    const colour = colourOf(i);
    if (!groups.has(colour)) groups.set(colour, []);
    groups.get(colour).push(i);
  }
  const any = state.selected.size > 0;
  // the rare wrong ones over the many right ones
  for (const colour of [...groups.keys()].sort((a, b) => (a === wrongOne) - (b === wrongOne))) {
    pen.fillStyle = colour;
    for (const part of any ? [false, true] : [null]) {
      pen.globalAlpha = part === false ? 0.15 : 0.8;
      pen.beginPath();
      for (const i of groups.get(colour)) {
        if (part !== null && state.selected.has(i) !== part) continue;
        const [x, y] = toScreen(places[2 * i], places[2 * i + 1], f);
        if (x < -9 || y < -9 || x > f.width + 9 || y > f.height + 9) continue;
        pen.rect(x - size / 2, y - size / 2, size, size);
      }
      pen.fill();
    }
  }
  pen.globalAlpha = 1;
  if (state.hover >= 0) {
    const [x, y] = toScreen(places[2 * state.hover], places[2 * state.hover + 1], f);
    pen.strokeStyle = getComputedStyle(document.body).color;
    pen.lineWidth = 2;
    pen.strokeRect(x - size / 2 - 2, y - size / 2 - 2, size + 4, size + 4);
  }
}
function outlines(polygons, f, dash) {
  pen.lineWidth = 1.6;
  pen.setLineDash(dash);
  polygons.forEach((polygon, k) => {
    if (state.hidden.has(k) || polygon.length < 2) return;
    pen.beginPath();
    for (const [x, y] of polygon) pen.lineTo(...toScreen(x, y, f));
    pen.closePath();
    pen.fillStyle = pen.strokeStyle = colours[k];
    pen.globalAlpha = 0.1;
    pen.fill();
    pen.globalAlpha = 1;
    pen.stroke();
  });
  pen.setLineDash([]);
}
function rubber() {
  pen.beginPath();
  for (const [x, y] of corners(state.path)) pen.lineTo(x, y);
  pen.closePath();
  pen.fillStyle = "rgb(136 34 85 / .12)";
  pen.strokeStyle = "#882255";
  pen.lineWidth = 1.5;
  pen.fill();
  pen.stroke();
}

// ---- moving from one plane to another --------------------------------------------------------------------------
function go(plane) {
  state.plane = plane;
  journey = { from: Float32Array.from(places), start: performance.now(), lasts: calm ? 0 : 900 };
  numbers();
  redraw();
}
function travel(now) {
  const t = journey.lasts ? Math.min(1, Math.max(0, now - journey.start) / journey.lasts) : 1;
  const eased = t * t * (3 - 2 * t);
  for (let i = 0; i < 2 * N; i++) places[i] = journey.from[i] + (state.plane.points[i] - journey.from[i]) * eased;
  if (t >= 1) journey = null;
  redraw();
}

// ---- the point under the pointer -------------------------------------------------------------------------------
function nearest(x, y, reach = 12) {
  const f = frame();
  let best = -1, far = reach * reach;
  for (let i = 0; i < N; i++) {
    if (!visible(i)) continue;
    const [px, py] = toScreen(places[2 * i], places[2 * i + 1], f);
    const d = (px - x) ** 2 + (py - y) ** 2;
    if (d < far) { far = d; best = i; }
  }
  return best;
}
function thumbnail(i, side) {
  const picture = element("canvas", { width: side, height: side });
  const { columns, width, height } = data.sheet;
  const brush = picture.getContext("2d");
  brush.imageSmoothingEnabled = width > side;
  const paint = () => brush.drawImage(sheet, (i % columns) * width, Math.floor(i / columns) * height, width, height, 0, 0, side, side);
  sheet.complete ? paint() : sheet.addEventListener("load", paint, { once: true });
  return picture;
}
function describe(i) {
  const lines = [`${words.true}: ${data.names[data.labels[i]]}`];
  if (data.predicted) lines.push(`${words.guess}: ${data.names[data.predicted[i]]}`);
  return lines;
}
function hover(i, x, y) {
  if (i !== state.hover) {
    state.hover = i;
    redraw();
    card.hidden = i < 0;
    if (i >= 0) {
      card.replaceChildren(...(sheet ? [thumbnail(i, 84)] : []), ...describe(i).map((line) => element("div", { textContent: line })));
      card.dataset.index = i;
    }
  }
  if (i >= 0) {
    const f = frame();
    card.style.left = `${Math.min(x + 14, f.width - card.offsetWidth - 4)}px`;
    card.style.top = `${Math.min(y + 14, f.height - card.offsetHeight - 4)}px`;
  }
}

// ---- selecting -------------------------------------------------------------------------------------------------
function corners(path) {
  if (path.kind === "lasso") return path.points;
  const [[a, b], [c, d]] = [path.points[0], path.points.at(-1)];
  return [[a, b], [c, b], [c, d], [a, d]];
}
function inside(polygon, x, y) {
  let odd = false;
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
    const [ax, ay] = polygon[i], [bx, by] = polygon[j];
    if ((ay > y) !== (by > y) && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) odd = !odd;
  }
  return odd;
}
function select(path) {
  const polygon = corners(path), f = frame();
  state.selected = new Set();
  for (let i = 0; i < N; i++)
    if (visible(i) && inside(polygon, ...toScreen(places[2 * i], places[2 * i + 1], f))) state.selected.add(i);
  showSelection();
  redraw();
}
function showSelection() {
  const box = document.getElementById("selection");
  const chosen = [...state.selected];
  if (!chosen.length) {
    box.replaceChildren(element("p", { textContent: words.none }), element("p", { textContent: words.hint }));
    return;
  }
  const clear = element("button", { type: "button", textContent: words.clear, onclick: letGo });
  const counts = data.names.map((name, k) => [name, chosen.filter((i) => data.labels[i] === k).length]).filter(([, n]) => n);
  counts.sort((a, b) => b[1] - a[1]);
  const images = element("div", { id: "images" }, ...chosen.slice(0, SHOWN).map((i) => {
    const figure = element("figure", { title: describe(i).join(", ") }, ...(sheet ? [thumbnail(i, 56)] : []));
    const wrong = data.predicted && data.predicted[i] !== data.labels[i];
    figure.append(data.names[data.labels[i]] + (wrong ? ` → ${data.names[data.predicted[i]]}` : ""));
    figure.classList.toggle("wrong", Boolean(wrong));
    return figure;
  }));
  box.replaceChildren(
    element("h2", {}, words.selected.replace("{n}", chosen.length), clear),
    element("p", { textContent: counts.map(([name, n]) => `${name}: ${n}`).join(" · ") }),
    images,
    ...(chosen.length > SHOWN ? [element("p", { textContent: words.more.replace("{n}", chosen.length - SHOWN) })] : []),
  );
}
function letGo() {
  state.selected = new Set();
  state.path = null;
  showSelection();
  redraw();
}

// ---- pointer, wheel, keys --------------------------------------------------------------------------------------
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
    else letGo();
  }
});
canvas.addEventListener("pointerleave", () => hover(-1));
canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  zoom(Math.exp(-event.deltaY * 0.0015), ...at(event));
}, { passive: false });
canvas.addEventListener("keydown", (event) => {
  const { width, height } = frame();
  const moves = { ArrowLeft: [40, 0], ArrowRight: [-40, 0], ArrowUp: [0, 40], ArrowDown: [0, -40] };
  if (moves[event.key]) { state.view.x += moves[event.key][0]; state.view.y += moves[event.key][1]; redraw(); }
  else if (event.key === "+") zoom(1.25, width / 2, height / 2);
  else if (event.key === "-") zoom(0.8, width / 2, height / 2);
});
addEventListener("keydown", (event) => { if (event.key === "Escape") letGo(); });
addEventListener("resize", redraw);
function zoom(factor, x, y) {
  const f = frame(), view = state.view;
  const scale = Math.min(60, Math.max(0.5, view.scale * factor)), grown = scale / view.scale;
  view.x = x - f.left - (x - f.left - view.x) * grown;
  view.y = y - f.top - (y - f.top - view.y) * grown;
  view.scale = scale;
  redraw();
}

// ---- controls --------------------------------------------------------------------------------------------------
function choice(id, label, options, chosen, changed) {
  const list = element("select", { id, onchange: () => changed(list.value) });
  for (const [value, text] of options) list.append(element("option", { value, textContent: text, selected: value === chosen }));
  return element("label", {}, label, list);
}
function toggle(id, label, pressed, changed) {
  const button = element("button", { id, type: "button", textContent: label });
  const show = (value) => button.setAttribute("aria-pressed", String(value));
  button.onclick = () => show(changed());
  show(pressed);
  return button;
}
function controls() {
  const projections = planes.filter((plane) => plane.layer === state.plane.layer).map((plane) => [plane.projection, plane.projection]);
  const ways = [["class", words.class], ...(data.predicted ? [["predicted", words.predicted], ["error", words.error]] : [])];
  const modes = ["move", "box", "lasso"].map((mode) => toggle(mode, words[mode], state.mode === mode, () => { state.mode = mode; controls(); return true; }));
  const find = (layer, projection) =>
    planes.find((plane) => plane.layer === layer && plane.projection === projection) ?? planes.find((plane) => plane.layer === layer);
  document.getElementById("controls").replaceChildren(
    choice("layer", words.layer, layers.map((name) => [name, name]), state.plane.layer, (layer) => { go(find(layer, state.plane.projection)); controls(); }),
    choice("projection", words.projection, projections, state.plane.projection, (name) => go(find(state.plane.layer, name))),
    choice("colour", words.colour, ways, state.colour, (value) => { state.colour = value; legend(); redraw(); }),
    toggle("hulls", words.hulls, state.hulls, () => { state.hulls = !state.hulls; redraw(); return state.hulls; }),
    toggle("ellipses", words.ellipses, state.ellipses, () => { state.ellipses = !state.ellipses; redraw(); return state.ellipses; }),
    ...modes,
    element("button", { id: "reset", type: "button", textContent: words.reset, onclick: () => { state.view = { scale: 1, x: 0, y: 0 }; redraw(); } }),
  );
}
function legend() {
  const box = document.getElementById("legend");
  const mark = (colour) => { const dot = element("i"); dot.style.background = colour; return dot; };
  if (state.colour === "error") {
    const wrong = data.labels.filter((label, i) => label !== data.predicted[i]).length;
    box.replaceChildren(element("span", {}, mark(RIGHT), ` ${words.right} (${N - wrong}) `), element("span", {}, mark(wrongOne), ` ${words.wrong} (${wrong})`));
    return;
  }
  box.title = words.hide;
  box.replaceChildren(...data.names.map((name, k) => {
    const button = element("button", { type: "button" }, mark(colours[k]), name);
    button.classList.toggle("off", state.hidden.has(k));
    button.onclick = () => {
      if (!state.hidden.delete(k)) state.hidden.add(k);
      button.classList.toggle("off", state.hidden.has(k));
      redraw();
    };
    return button;
  }));
}
function numbers() {
  const parts = Object.entries(state.plane.numbers).map(([name, value]) => `${name} ${value}`);
  document.getElementById("numbers").textContent = [words.points.replace("{n}", N), ...parts].join(" · ");
  canvas.setAttribute("aria-label", `${state.plane.layer}, ${state.plane.projection}. ${parts.join(", ")}`);
}

controls();
legend();
numbers();
showSelection();
redraw();
// for tests: where a point stands on the screen, and whether everything has arrived
window.explorer = { state, place: (i) => toScreen(places[2 * i], places[2 * i + 1]), still: () => journey === null };
