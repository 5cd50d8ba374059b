// The layers of the nets. Arrays are in the layout of Keras: (height, width, C), (steps, features).
// Weights are float32 or half floats; sums are of float64, as are all activations.

import { AnswerError } from "./tensor.js";

const map = (apply) => (values) => Float64Array.from(values, apply);
const sigmoid = (x) => 1 / (1 + Math.exp(-x));

/** ln of softmax. */
export function logSoftmax(values) {
  const most = values.reduce((one, other) => Math.max(one, other), -Infinity);
  const total = Math.log(values.reduce((sum, value) => sum + Math.exp(value - most), 0));
  return Float64Array.from(values, (value) => value - most - total);
}

function softmax(values) {
  const most = values.reduce((one, other) => Math.max(one, other), -Infinity);
  const powers = Float64Array.from(values, (value) => Math.exp(value - most));
  const total = powers.reduce((sum, value) => sum + value, 0);
  return powers.map((value) => value / total);
}

const ACTIVATIONS = { linear: (values) => values, relu: map((x) => Math.max(0, x)), tanh: map(Math.tanh), sigmoid: map(sigmoid), softmax };

function activate(name, { shape, values }) {
  if (name !== "softmax" || shape.length === 1) return { shape, values: ACTIVATIONS[name](values) };
  const width = shape[shape.length - 1], made = new Float64Array(values.length);
  for (let at = 0; at < values.length; at += width) made.set(softmax(values.subarray(at, at + width)), at);
  return { shape, values: made };
}

/** Add x W to y, in place; W is (inputs, outputs). Inputs that are zero cost nothing. */
export function addProduct(y, x, w, width = y.length, to = 0, from = 0, count = x.length, at = 0) {
  for (let i = from; i < from + count; i++, at += width) {
    const value = x[i];
    if (value !== 0) for (let j = 0; j < width; j++) y[to + j] += value * w[at + j];
  }
  return y;
}

/** x W + b. */
export const project = (x, w, b, width) => addProduct(b ? Float64Array.from(b) : new Float64Array(width), x, w);

/** Apply a layer of vectors to the last axis. */
function alongLast({ shape, values }, apply) {
  const width = shape[shape.length - 1], rows = [];
  for (let at = 0; at < values.length; at += width) rows.push(apply(values.subarray(at, at + width)));
  return stack(rows, shape.slice(0, -1));
}

function stack(rows, shape) {
  const width = rows[0].length, values = new Float64Array(rows.length * width);
  rows.forEach((row, index) => values.set(row, index * width));
  return { shape: [...shape, width], values };
}

/** Zeros around a map, as padding "same" adds them: the odd one is at the end. */
function pad({ shape: [height, width, depth], values }, [high, wide], [down, across]) {
  const total = (size, stride, extent) => Math.max((Math.ceil(size / stride) - 1) * stride + extent - size, 0);
  const [rows, columns] = [total(height, down, high), total(width, across, wide)];
  const made = new Float64Array((height + rows) * (width + columns) * depth);
  for (let y = 0; y < height; y++) {
    const to = ((y + (rows >> 1)) * (width + columns) + (columns >> 1)) * depth;
    made.set(values.subarray(y * width * depth, (y + 1) * width * depth), to);
  }
  return { shape: [height + rows, width + columns, depth], values: made };
}

function convolve(layer, given) {
  const { kernel, bias, strides: [down, across] } = layer, [high, wide, depth, count] = kernel.shape;
  const input = layer.padding === "same" ? pad(given, [high, wide], layer.strides) : given;
  const [height, width] = input.shape, rows = Math.floor((height - high) / down) + 1, columns = Math.floor((width - wide) / across) + 1;
  const made = new Float64Array(rows * columns * count), w = kernel.values, x = input.values;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const to = (row * columns + column) * count;
      if (bias) made.set(bias.values, to);
      // A row of the window is one run of inputs, and so are its weights.
      for (let i = 0; i < high; i++) addProduct(made, x, w, count, to, ((row * down + i) * width + column * across) * depth, wide * depth, i * wide * depth * count);
    }
  }
  return { shape: [rows, columns, count], values: made };
}

/** Pooling without padding, or with "same", which counts the input alone. */
function pool(layer, { shape: [height, width, depth], values }) {
  const [high, wide] = layer.pool_size, [down, across] = layer.strides, same = layer.padding === "same";
  const count = (size, extent, stride) => (same ? Math.ceil(size / stride) : Math.floor((size - extent) / stride) + 1);
  const [rows, columns] = [count(height, high, down), count(width, wide, across)];
  const before = (size, extent, stride) => (same ? Math.max((Math.ceil(size / stride) - 1) * stride + extent - size, 0) >> 1 : 0);
  const [top, left] = [before(height, high, down), before(width, wide, across)];
  const made = new Float64Array(rows * columns * depth).fill(-Infinity);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      for (let y = Math.max(0, row * down - top); y < Math.min(height, row * down - top + high); y++) {
        for (let x = Math.max(0, column * across - left); x < Math.min(width, column * across - left + wide); x++) {
          for (let k = 0; k < depth; k++) {
            const at = (row * columns + column) * depth + k, value = values[(y * width + x) * depth + k];
            if (value > made[at]) made[at] = value;
          }
        }
      }
    }
  }
  return { shape: [rows, columns, depth], values: made };
}

// ---- recurrent cells: z is x W + b, the state of one step in, that of the next out -----------------
export const CELLS = {
  SimpleRNN: {
    start: (units) => [new Float64Array(units)],
    step: (z, [h], recurrent) => [addProduct(Float64Array.from(z), h, recurrent).map(Math.tanh)],
  },
  LSTM: {
    start: (units) => [new Float64Array(units), new Float64Array(units)],
    step(z, [h, c], recurrent) {
      const gates = addProduct(Float64Array.from(z), h, recurrent), units = h.length;
      const cell = c.map((value, j) => sigmoid(gates[units + j]) * value + sigmoid(gates[j]) * Math.tanh(gates[2 * units + j]));
      return [cell.map((value, j) => sigmoid(gates[3 * units + j]) * Math.tanh(value)), cell];
    },
  },
  GRU: { // Keras' default, reset_after: the reset gate is applied to h U + its own bias
    start: (units) => [new Float64Array(units)],
    step(z, [h], recurrent, bias) {
      const inner = project(h, recurrent, bias, z.length), units = h.length;
      return [h.map((value, j) => {
        const update = sigmoid(z[j] + inner[j]), reset = sigmoid(z[units + j] + inner[units + j]);
        return update * value + (1 - update) * Math.tanh(z[2 * units + j] + reset * inner[2 * units + j]);
      })];
    },
  },
};

function recur(layer, { shape: [steps, width], values }) {
  const cell = CELLS[layer.kind], recurrent = layer.recurrent_kernel.values, units = layer.recurrent_kernel.shape[0];
  const [outer, inner] = layer.kind === "GRU" && layer.bias ? [layer.bias.values.subarray(0, 3 * units), layer.bias.values.subarray(3 * units)] : [layer.bias?.values, null];
  let state = cell.start(units);
  const rows = [];
  for (let step = 0; step < steps; step++) {
    const z = project(values.subarray(step * width, (step + 1) * width), layer.kernel.values, outer, layer.kernel.shape[1]);
    state = cell.step(z, state, recurrent, inner);
    rows.push(state[0]);
  }
  return layer.return_sequences ? stack(rows, [steps]) : { shape: [units], values: state[0] };
}

const KINDS = {
  Activation: (_layer, input) => input,
  Center: ({ mean }, { shape, values }) => ({ shape, values: Float64Array.from(values, (value, index) => value - mean.values[index]) }),
  Conv2D: convolve,
  Dense: ({ kernel, bias }, input) => alongLast(input, (row) => project(row, kernel.values, bias?.values, kernel.shape[1])),
  Dropout: (_layer, input) => input, // nothing is dropped after training
  Embedding: ({ embeddings }, { shape, values }) => stack(Array.from(values, (code) => embeddings.values.subarray(code * embeddings.shape[1], (code + 1) * embeddings.shape[1])), shape),
  Flatten: (_layer, { values }) => ({ shape: [values.length], values }),
  GRU: recur,
  LSTM: recur,
  MaxPooling2D: pool,
  SimpleRNN: recur,
};

/** A chain of layers, decoded: { layers: [{ kind, name, activation, ...arrays and settings }], shape }. */
export class Net {
  constructor({ layers, shape }) {
    Object.assign(this, { layers, shape });
    for (const { kind, name } of layers) {
      if (!KINDS[kind]) throw new AnswerError("the layer {name} ({kind}) cannot run in the page", { name, kind });
    }
  }

  /** Return the output { shape, values } of every layer, by its name, the last one at the end. */
  run(values, shape = this.shape) {
    const outputs = new Map();
    let last = { shape, values: Float64Array.from(values) };
    for (const layer of this.layers) {
      last = activate(layer.activation ?? "linear", KINDS[layer.kind](layer, last));
      outputs.set(layer.name, last);
    }
    return outputs;
  }
}
