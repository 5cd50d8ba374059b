// Drawn digits, as the server answers them (web/pages/digits.py): the image, the nets, the plane.

import { Net } from "./layers.js";
import { AnswerError, encode, encodeBytes, encodeSigned, rint } from "./tensor.js";

const SIZE = 28, BOX = 20, SCALE = 8, LARGE = SIZE * SCALE, PEN = 2.6, LEAST = 0.03, NEAREST = 9;
const REACH = Math.floor((PEN * SCALE) / 2);
// Half the width of the pen's tip in each of its rows, in pixels of the rendered strokes.
const TIP = Array.from({ length: 2 * REACH + 1 }, (_each, row) => Math.floor(Math.sqrt(((PEN * SCALE) / 2) ** 2 - (row - REACH) ** 2)));

/** Render strokes as an MNIST image: 784 bytes. In whole numbers, so that Python gets the same. */
export function rasterizeStrokes(strokes) {
  const points = strokes.flat();
  if (!points.length) return new Uint8Array(SIZE * SIZE);
  const ink = stamp(tracePath(strokes, points));
  const small = new Uint8Array(SIZE * SIZE);
  for (let row = 0; row < SIZE; row++) {
    for (let column = 0; column < SIZE; column++) {
      let count = 0;
      for (let y = 0; y < SCALE; y++) for (let x = 0; x < SCALE; x++) count += ink[(row * SCALE + y) * LARGE + column * SCALE + x];
      small[row * SIZE + column] = Math.floor((510 * count + 64) / 128);
    }
  }
  return centerMass(small);
}

/** Return the pixels that the middle of the pen crosses, the drawing scaled to the box. */
function tracePath(strokes, points) {
  const [low, high] = [Math.min, Math.max].map((pick) => [0, 1].map((axis) => points.reduce((found, point) => pick(found, point[axis]), points[0][axis])));
  const scale = (SCALE * (BOX - PEN)) / Math.max(high[0] - low[0], high[1] - low[1], LEAST);
  const place = (value, axis) => Math.floor((value - (low[axis] + high[axis]) / 2) * scale + (LARGE / 2 + 0.5));
  const path = new Uint8Array(LARGE * LARGE);
  for (const stroke of strokes) {
    const placed = stroke.map(([x, y]) => [place(x, 0), place(y, 1)]);
    placed.forEach(([x, y], index) => {
      const [toX, toY] = placed[index + 1] ?? [x, y], steps = Math.max(Math.abs(toX - x), Math.abs(toY - y)), n = Math.max(steps, 1);
      const along = (from, to, step) => from + Math.floor((2 * step * (to - from) + n) / (2 * n));
      for (let step = 0; step <= steps; step++) path[along(y, toY, step) * LARGE + along(x, toX, step)] = 1;
    });
  }
  return path;
}

/** Put the round tip of the pen on every pixel of a path. */
function stamp(path) {
  const change = new Int32Array(LARGE * (LARGE + 1)), ink = new Uint8Array(LARGE * LARGE);
  path.forEach((crossed, at) => {
    if (!crossed) return;
    const y = Math.floor(at / LARGE), x = at % LARGE;
    TIP.forEach((half, row) => {
      const line = (y + row - REACH) * (LARGE + 1);
      change[line + x - half]++;
      change[line + x + half + 1]--;
    });
  });
  for (let y = 0; y < LARGE; y++) {
    let depth = 0;
    for (let x = 0; x < LARGE; x++) {
      depth += change[y * (LARGE + 1) + x];
      ink[y * LARGE + x] = depth > 0 ? 1 : 0;
    }
  }
  return ink;
}

/** Shift by whole pixels until the center of mass is in the middle, without cropping ink. */
function centerMass(image) {
  for (const stride of [SIZE, 1]) { // rows, then columns
    const mass = Array.from({ length: SIZE }, (_each, line) => {
      let sum = 0;
      for (let k = 0; k < SIZE; k++) sum += image[line * stride + k * (SIZE + 1 - stride)];
      return sum;
    });
    const total = mass.reduce((sum, each) => sum + each), moment = mass.reduce((sum, each, line) => sum + each * line, 0);
    const inked = mass.flatMap((each, line) => (each ? [line] : []));
    const wanted = rint((SIZE - 1) / 2 - moment / total);
    const shift = Math.min(Math.max(wanted, -inked[0]), SIZE - 1 - inked[inked.length - 1]) * stride;
    const from = image;
    image = new Uint8Array(SIZE * SIZE);
    from.forEach((value, at) => { if (value) image[at + shift] = value; });
  }
  return image;
}

/** Encode activations (H,) or (height, width, C) as bytes, scaled between their extremes. */
function encodeLayer(name, { shape, values }) {
  let low = values.reduce((one, other) => Math.min(one, other), Infinity), high = values.reduce((one, other) => Math.max(one, other), -Infinity);
  if (shape.length === 1 && low >= 0 && high <= 1) [low, high] = [0, 1]; // the range of a sigmoid
  const extent = Math.max(high - low, 1e-9), [height, width, count] = shape.length === 1 ? [1, shape[0], 1] : shape;
  const scaled = new Float64Array(values.length);
  for (let k = 0; k < count; k++) for (let at = 0; at < height * width; at++) scaled[k * height * width + at] = (values[at * count + k] - low) / extent;
  return { name, shape: [count, height, width], data: encodeBytes(scaled) };
}

/** Split the logit of every class into pixels: weights times ink, whose sum and bias decide. */
function explainLinear({ kernel, bias }, pixels) {
  const count = kernel.shape[1], parts = new Float64Array(pixels.length * count), sums = Array(count).fill(0);
  for (let k = 0; k < count; k++) {
    for (let at = 0; at < pixels.length; at++) sums[k] += parts[k * pixels.length + at] = kernel.values[at * count + k] * pixels[at];
  }
  return { maps: encodeSigned(parts), sums, biases: Array.from(bias.values) };
}

function addScaled(sums, values, factor) {
  if (factor) for (let at = 0; at < sums.length; at++) sums[at] += factor * values[at];
}

class DigitNet {
  constructor(described) {
    Object.assign(this, described);
    this.net = new Net(described.net);
  }

  predict(pixels) {
    const outputs = this.net.run(pixels), last = this.net.layers[this.net.layers.length - 1];
    const answer = { probabilities: Array.from(outputs.get(last.name).values), layers: this.shown.map((name) => encodeLayer(name, outputs.get(name))) };
    if (this.kind === "keras") return answer;
    return { ...answer, evidence: this.shown.length ? null : explainLinear(last, pixels) };
  }

  /** Return the weights of a unit on what is below it, (C, height, width). */
  filter(layer, unit) {
    const found = this.filters[layer], [height, width, depth, count] = found?.shape ?? [0, 0, 0, 0];
    if (!(unit < count)) throw new AnswerError("this net has no such unit");
    const { values } = this.net.layers.find((each) => each.name === found.layer).kernel, weights = [];
    for (let k = 0; k < depth; k++) for (let at = 0; at < height * width; at++) weights.push(values[(at * depth + k) * count + unit]);
    return { shape: [depth, height, width], data: encodeSigned(weights), largest: Math.max(...weights.map(Math.abs)) };
  }
}

/** The images of the t-SNE plane, among which a drawing is placed: in whole numbers, exact. */
class Plane {
  constructor({ images, points, labels }) {
    Object.assign(this, { points, labels });
    const count = (this.count = labels.length), squares = new Float64Array(count);
    this.inks = Array.from({ length: SIZE * SIZE }, () => new Uint8Array(count)); // of every pixel
    images.values.forEach((ink, at) => {
      const pixel = at % (SIZE * SIZE), row = (at - pixel) / (SIZE * SIZE);
      this.inks[pixel][row] = ink;
      squares[row] += ink * ink;
    });
    this.norms = squares.map(Math.sqrt);
  }

  locate(image) {
    const cosines = new Float64Array(this.count);
    this.inks.forEach((ink, at) => addScaled(cosines, ink, image[at]));
    for (let row = 0; row < this.count; row++) cosines[row] /= this.norms[row];
    const least = cosines.slice().sort()[Math.max(0, this.count - NEAREST)];
    const near = Array.from(cosines.keys()).filter((row) => cosines[row] >= least);
    const nearest = near.sort((a, b) => cosines[b] - cosines[a] || a - b).slice(0, NEAREST);
    const median = (axis) => {
      const sorted = nearest.map((row) => this.points.values[2 * row + axis]).sort((a, b) => a - b), half = sorted.length >> 1;
      return sorted.length % 2 ? sorted[half] : Math.fround((sorted[half - 1] + sorted[half]) / 2);
    };
    return { position: [median(0), median(1)], nearest };
  }

  list() {
    const short = (value) => Math.fround(rint(Math.fround(1000 * value)) / 1000);
    return { points: this.labels.map((_label, row) => [0, 1].map((axis) => short(this.points.values[2 * row + axis]))), labels: this.labels };
  }
}

export class Digits {
  constructor({ nets, plane }) {
    this.nets = Object.fromEntries(Object.entries(nets).map(([key, all]) => [key, all.map((each) => new DigitNet(each))]));
    this.plane = plane ? new Plane(plane) : null;
  }

  find(key, run) {
    const all = this.nets[key] ?? [], found = run ? all.find((each) => each.run === run) : all[0];
    if (!found) throw new AnswerError("there is no run of that name");
    return found;
  }

  classify({ strokes, runs = {} }) {
    const image = rasterizeStrokes(strokes), pixels = Float64Array.from(image, (value) => Math.fround(value / 255));
    const keys = Object.keys(this.nets).filter((key) => this.nets[key].length);
    return {
      image: encode(image),
      predictions: Object.fromEntries(keys.map((key) => [key, this.find(key, runs[key]).predict(pixels)])),
      plane: this.plane ? this.plane.locate(image) : null,
    };
  }

  list() {
    const describe = ({ run, data, is_shipped, accuracy }) => ({ run, data, is_shipped, accuracy });
    return Object.fromEntries(Object.entries(this.nets).map(([key, all]) => [key, all.map(describe)]));
  }
}
