// Backpropagation of a small net, as the server computes it (web/pages/backprop.py, etabli.nn).

import { rint } from "./tensor.js";

const STEPS = 200, GRID = Array.from({ length: 33 }, (_each, index) => -2 + index / 8);

const matmul = (a, b) => a.map((row) => b[0].map((_each, j) => row.reduce((sum, value, i) => sum + value * b[i][j], 0)));
const transpose = (a) => a[0].map((_each, j) => a.map((row) => row[j]));
const zip = (a, b, apply) => (Array.isArray(a) ? a.map((each, index) => zip(each, b[index], apply)) : apply(a, b));
const sums = (a) => a[0].map((_each, j) => a.reduce((sum, row) => sum + row[j], 0));
const linear = (x, w, b) => matmul(x, w).map((row) => row.map((value, j) => value + b[j]));
const sigmoid = (x) => 0.5 * Math.tanh(0.5 * x) + 0.5; // cannot overflow

function softmax(row) {
  const most = Math.max(...row), powers = row.map((value) => Math.exp(value - most)), total = powers.reduce((sum, value) => sum + value);
  return powers.map((value) => value / total);
}

function crossEntropy(z, target) {
  const losses = z.map((row, n) => {
    const most = Math.max(...row), total = row.reduce((sum, value) => sum + Math.exp(value - most), 0);
    return Math.log(total) - row.reduce((sum, value, k) => sum + target[n][k] * (value - most), 0);
  });
  return losses.reduce((sum, loss) => sum + loss) / losses.length;
}

function propagate(x, y, { w_h, b_h, w_y, b_y }) {
  const a = linear(x, w_h, b_h), h = a.map((row) => row.map(sigmoid));
  const z = linear(h, w_y, b_y), p = z.map(softmax), loss = crossEntropy(z, y);
  const dz = zip(p, y, (one, other) => (one - other) / x.length);
  const dh = matmul(dz, transpose(w_y)), da = zip(dh, h, (gradient, value) => gradient * value * (1 - value));
  const gradients = { z: dz, w_y: matmul(transpose(h), dz), b_y: sums(dz), h: dh, a: da, w_h: matmul(transpose(x), da), b_h: sums(da) };
  return [{ x, y, a, h, z, p, loss }, gradients];
}

/** Return the probability of class 1 on a grid: rows of x2 from -2 to 2, columns of x1. */
function colorPlane(weights) {
  return GRID.map((x2) => {
    const h = linear(GRID.map((x1) => [x1, x2]), weights.w_h, weights.b_h).map((row) => row.map(sigmoid));
    return linear(h, weights.w_y, weights.b_y).map((row) => rint(1000 * softmax(row)[0]) / 1000);
  });
}

/** Replace what is not finite by null, as the server does. */
const finite = (value) => (Array.isArray(value) ? value.map(finite) : typeof value === "object" && value ? Object.fromEntries(Object.entries(value).map(([name, each]) => [name, finite(each)])) : Number.isFinite(value) ? value : null);

export class Backprop {
  constructor({ weights }) {
    this.initial = weights; // of each initializer
  }

  /** Return activations, loss, gradients and updated weights at one step, and all losses. */
  descend({ x, labels, learning_rate: rate = 1, initializer = "xavier", step: shown = 0 }) {
    const y = labels.map((label) => [0, 1].map((k) => (k === label ? 1 : 0))), losses = [];
    let weights = this.initial[initializer], answer;
    for (let step = 0; step <= STEPS; step++) {
      const [forward, gradients] = propagate(x, y, weights);
      const updated = Object.fromEntries(Object.entries(weights).map(([name, value]) => [name, zip(value, gradients[name], (one, other) => one - rate * other)]));
      losses.push(forward.loss);
      if (step === shown) answer = { plane: colorPlane(weights), forward, gradients, weights, updated };
      weights = updated;
    }
    return finite({ step: shown, losses, ...answer });
  }
}
