// Arrays on a canvas: maps in the colors of the page, points in a plane.

/** Decode a base64 string. */
export function bytes(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

/** Return a color of the style sheet in the current scheme (light or dark). */
export const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Return the three channels of a hexadecimal color. */
export function rgb(text) {
  const hex = text.replace("#", "");
  const full = hex.length === 3 ? [...hex].map((each) => each + each).join("") : hex;
  return [0, 2, 4].map((at) => parseInt(full.slice(at, at + 2), 16));
}

/** Draw bytes (0 background, 255 ink) on a canvas of width x height pixels. */
export function paint(canvas, data, width, height, ink = "--ink") {
  const [low, high] = [rgb(color("--card")), rgb(color(ink))];
  canvas.width = width;
  canvas.height = height;
  const image = new ImageData(width, height);
  for (let at = 0; at < width * height; at += 1) {
    const share = data[at] / 255;
    for (let channel = 0; channel < 3; channel += 1) image.data[4 * at + channel] = low[channel] + share * (high[channel] - low[channel]);
    image.data[4 * at + 3] = 255;
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

/** Draw bytes of signed values, 128 for zero: positive ones in one color, negative ones in another. */
export function paintSigned(canvas, data, width, height) {
  const [zero, plus, minus] = ["--card", "--c2", "--c6"].map((name) => rgb(color(name)));
  canvas.width = width;
  canvas.height = height;
  const image = new ImageData(width, height);
  for (let at = 0; at < width * height; at += 1) {
    const value = (data[at] - 128) / 127, share = Math.min(1, Math.abs(value)), end = value < 0 ? minus : plus;
    for (let channel = 0; channel < 3; channel += 1) image.data[4 * at + channel] = zero[channel] + share * (end[channel] - zero[channel]);
    image.data[4 * at + 3] = 255;
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

/** Draw several maps (count, height, width) as one image, tiled in rows; `ink` "signed": signed values. */
export function tile(canvas, data, [count, height, width], columns, ink) {
  const rows = Math.ceil(count / columns);
  const gap = height > 1 ? 1 : 0;
  const [fullWidth, fullHeight] = [columns * (width + gap) - gap, rows * (height + gap) - gap];
  const all = new Uint8Array(fullWidth * fullHeight).fill(ink === "signed" ? 128 : 0);
  for (let map = 0; map < count; map += 1) {
    const [left, top] = [(map % columns) * (width + gap), Math.floor(map / columns) * (height + gap)];
    for (let y = 0; y < height; y += 1) {
      all.set(data.subarray((map * height + y) * width, (map * height + y + 1) * width), (top + y) * fullWidth + left);
    }
  }
  if (ink === "signed") paintSigned(canvas, all, fullWidth, fullHeight);
  else paint(canvas, all, fullWidth, fullHeight, ink);
}

/** A plane of points in class colors, with a lookup of the point under the pointer. */
export class Plane {
  /** `redraw` is called whenever the canvas is resized. */
  constructor(canvas, points, colors, redraw = () => this.draw()) {
    Object.assign(this, { canvas, points, colors, view: { scale: 1, x: 0, y: 0 } });
    const xs = points.map((point) => point[0]), ys = points.map((point) => point[1]);
    [this.left, this.right] = [Math.min(...xs), Math.max(...xs)];
    [this.bottom, this.top] = [Math.min(...ys), Math.max(...ys)];
    this.fit();
    new ResizeObserver(() => this.fit() && redraw()).observe(canvas);
  }

  /** Match the resolution of the screen, so that points keep their size; return whether it changed. */
  fit() {
    const box = this.canvas.getBoundingClientRect();
    const ratio = devicePixelRatio || 1;
    const [width, height] = [Math.round(box.width * ratio), Math.round(box.height * ratio)];
    if (!width || (width === this.canvas.width && height === this.canvas.height && ratio === this.ratio)) return false;
    [this.canvas.width, this.canvas.height] = [width, height];
    Object.assign(this, { ratio, width: width / ratio, height: height / ratio });
    return true;
  }

  /** Return the position of a point on the canvas, in CSS pixels. */
  toCanvas([x, y]) {
    const pad = 0.05 * Math.min(this.width, this.height);
    const across = (this.width - 2 * pad) / (this.right - this.left || 1);
    const down = (this.height - 2 * pad) / (this.top - this.bottom || 1);
    const smaller = Math.min(across, down); // stretch one direction to at most twice the other
    const { scale, x: dx, y: dy } = this.view;
    return [
      this.width / 2 + dx + scale * (x - (this.left + this.right) / 2) * Math.min(across, 2 * smaller),
      this.height / 2 + dy - scale * (y - (this.bottom + this.top) / 2) * Math.min(down, 2 * smaller),
    ];
  }

  /** Scale the view by a factor around a position on the canvas, by default its middle. */
  zoom(factor, x = this.width / 2, y = this.height / 2) {
    const view = this.view, scale = Math.min(40, Math.max(1, view.scale * factor)), ratio = scale / view.scale;
    const limit = (value, size) => Math.max(-scale * size / 2, Math.min(scale * size / 2, value));
    view.x = scale === 1 ? 0 : limit((x - this.width / 2) * (1 - ratio) + view.x * ratio, this.width);
    view.y = scale === 1 ? 0 : limit((y - this.height / 2) * (1 - ratio) + view.y * ratio, this.height);
    view.scale = scale;
    this.canvas.style.touchAction = scale > 1 ? "none" : "pan-y";
  }

  /** Move the view by some pixels; the whole plane stays within reach. */
  pan(dx, dy) {
    const { view } = this, limit = (value, size) => Math.max(-view.scale * size / 2, Math.min(view.scale * size / 2, value));
    if (view.scale > 1) Object.assign(view, { x: limit(view.x + dx, this.width), y: limit(view.y + dy, this.height) });
  }

  /** Zoom so far that some points fill the middle of the canvas. */
  zoomTo(points, most = 25) {
    Object.assign(this.view, { scale: 1, x: 0, y: 0 });
    const places = points.map((point) => this.toCanvas(point)), [xs, ys] = [0, 1].map((axis) => places.map((place) => place[axis]));
    const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
    this.zoom(Math.min(most, (0.55 * this.width) / (right - left + 1), (0.6 * this.height) / (bottom - top + 1)));
    const { scale } = this.view;
    this.pan(scale * (this.width - left - right) / 2, scale * (this.height - top - bottom) / 2);
  }

  /** Zoom with the wheel, two fingers and the keys + - 0; pan by dragging and with the arrows. */
  makeZoomable(redraw) {
    const { canvas } = this, fingers = new Map();
    const at = (event) => { const box = canvas.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };
    canvas.addEventListener("wheel", (event) => { event.preventDefault(); this.zoom(Math.exp(-event.deltaY * 0.0015), ...at(event)); redraw(); }, { passive: false });
    canvas.addEventListener("pointerdown", (event) => { fingers.set(event.pointerId, at(event)); this.isDragged = false; });
    canvas.addEventListener("pointermove", (event) => {
      const before = fingers.get(event.pointerId);
      if (!before) return;
      const now = at(event), other = [...fingers].find(([id]) => id !== event.pointerId)?.[1];
      if (other) this.zoom(Math.hypot(now[0] - other[0], now[1] - other[1]) / Math.max(1, Math.hypot(before[0] - other[0], before[1] - other[1])), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
      else if (!this.isDragged && Math.hypot(now[0] - before[0], now[1] - before[1]) < 4) return;
      else this.pan(now[0] - before[0], now[1] - before[1]);
      this.isDragged = true;
      fingers.set(event.pointerId, now);
      redraw();
    });
    for (const name of ["pointerup", "pointercancel", "pointerleave"]) canvas.addEventListener(name, (event) => fingers.delete(event.pointerId));
    canvas.addEventListener("keydown", (event) => {
      const moves = { ArrowLeft: [40, 0], ArrowRight: [-40, 0], ArrowUp: [0, 40], ArrowDown: [0, -40] };
      if (event.key === "+" || event.key === "=") this.zoom(1.4);
      else if (event.key === "-") this.zoom(1 / 1.4);
      else if (event.key === "0") this.zoom(0);
      else if (moves[event.key] && this.view.scale > 1) this.pan(...moves[event.key]);
      else return;
      event.preventDefault();
      redraw();
    });
  }

  draw({ radius = 3.5, alpha = 0.75, highlighted = null } = {}) {
    const context = this.canvas.getContext("2d");
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    context.clearRect(0, 0, this.width, this.height);
    const inks = Object.fromEntries([...new Set(this.colors)].map((name) => [name, color(name)]));
    this.points.forEach((point, index) => {
      const [x, y] = this.toCanvas(point);
      if (x < -9 || y < -9 || x > this.width + 9 || y > this.height + 9) return;
      context.globalAlpha = highlighted && !highlighted.has(index) ? 0.3 : alpha;
      context.fillStyle = inks[this.colors[index]];
      context.beginPath();
      context.arc(x, y, radius, 0, 2 * Math.PI);
      context.fill();
    });
    context.globalAlpha = 1;
    return context;
  }

  /** Return the point nearest to a pointer event, within some pixels, or -1. */
  under(event, within = 14) {
    const box = this.canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    let best = -1, bestDistance = within ** 2;
    this.points.forEach((point, index) => {
      const [a, b] = this.toCanvas(point);
      const distance = (a - x) ** 2 + (b - y) ** 2;
      if (distance < bestDistance) [best, bestDistance] = [index, distance];
    });
    return best;
  }
}

/** Labels on a plane, each next to its point where it fits and covers no other label. */
export class Labels {
  constructor(context, width, height) {
    Object.assign(this, { context, width, height, occupied: [] });
  }

  /** Draw a label; `must`: even where it covers another. `size` in pixels, `style` as in a font. */
  write(word, [x, y], { size = 13, style = "", ink = "--ink", must = false } = {}) {
    this.context.font = `${style} ${size}px system-ui, sans-serif`;
    const wide = this.context.measureText(word).width;
    const corners = [[x + 5, y - 5], [x - 5 - wide, y - 5], [x + 5, y + size + 2], [x - 5 - wide, y + size + 2]];
    const boxes = corners.map(([left, base]) => [left, base - size, left + wide, base + 3]);
    const inside = (box) => box[0] >= 0 && box[1] >= 0 && box[2] <= this.width && box[3] <= this.height;
    const free = (box) => !this.occupied.some((other) => box[0] < other[2] && other[0] < box[2] && box[1] < other[3] && other[1] < box[3]);
    const box = boxes.find((each) => inside(each) && free(each)) ?? (must ? boxes.find(inside) ?? boxes[0] : null);
    if (!box) return;
    this.occupied.push(box);
    this.context.lineWidth = 3;
    this.context.strokeStyle = color("--card");
    this.context.strokeText(word, box[0], box[3] - 3);
    this.context.fillStyle = color(ink);
    this.context.fillText(word, box[0], box[3] - 3);
  }
}
