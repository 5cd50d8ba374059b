// Poems, as the server writes them (web/pages/poetry.py): character by character, in float64.

import { CELLS, logSoftmax, project } from "./layers.js";
import { makeGenerator } from "./random.js";
import { AnswerError, orderDown, round } from "./tensor.js";

const ALTERNATIVES = 6, MAX_SEED = 2 ** 31 - 1;
const DEFAULTS = { net: "poetry", prompt: "souvent, p", temperature: 0.5, top_k: 0, length: 300, seed: 0 };

/** Return ln p of the next symbol by log-probabilities and the state that they were read from. */
function output(hidden, [dense, bias]) {
  return logSoftmax(project(hidden, dense.values, bias.values, dense.shape[1]));
}

/** Recurrent layers on one another: [kernel, recurrent, bias] each, the first on a table of rows. */
class Stack {
  constructor(kind, table, layers) {
    Object.assign(this, { cell: CELLS[kind], layers });
    const [kernel, , bias] = layers[0], width = kernel.shape[1];
    const apply = (row) => project(row, kernel.values, bias.values, width);
    // A one-hot vector times the kernel is a row of the kernel.
    const rowsOf = ({ shape: [count, size], values }) => Array.from({ length: count }, (_each, row) => values.subarray(row * size, (row + 1) * size));
    this.rows = table ? rowsOf(table).map(apply) : rowsOf(kernel).map((row) => row.length && Float64Array.from(row, (value, j) => value + bias.values[j]));
    this.reset();
  }

  reset() {
    this.states = this.layers.map(([, recurrent]) => this.cell.start(recurrent.shape[0]));
  }

  /** Read a symbol; return the state h of the last layer. */
  read(code) {
    let z = this.rows[code];
    this.layers.forEach(([kernel, recurrent, bias], number) => {
      if (number) z = project(this.states[number - 1][0], kernel.values, bias.values, kernel.shape[1]);
      this.states[number] = this.cell.step(z, this.states[number], recurrent.values);
    });
    return this.states[this.states.length - 1][0];
  }
}

const threes = (weights) => Array.from({ length: Math.floor(weights.length / 3) }, (_each, index) => weights.slice(3 * index, 3 * index + 3));

/** The SimpleRNN: reads the last characters from a state of zero at every step. */
class WindowPredictor {
  constructor({ weights, window: length }) {
    Object.assign(this, { stack: new Stack("SimpleRNN", null, threes(weights.slice(0, -2))), last: weights.slice(-2), length });
  }

  start(codes) {
    this.window = codes.slice(-this.length);
    this.stack.reset();
    let hidden;
    for (const code of this.window) hidden = this.stack.read(code);
    return output(hidden, this.last);
  }

  step(code) {
    return this.start([...this.window, code]);
  }
}

/** The LSTM: its state holds all that was read. */
class LstmPredictor {
  constructor({ weights }) {
    Object.assign(this, { stack: new Stack("LSTM", weights[0], threes(weights.slice(1, -2))), last: weights.slice(-2) });
  }

  start(codes) {
    this.stack.reset();
    return codes.map((code) => this.step(code)).pop();
  }

  step(code) {
    return output(this.stack.read(code), this.last);
  }
}

/** Interpolated n-grams: the probabilities after the longest known context, shorter ones below. */
class NGramPredictor {
  constructor({ orders, vocabulary }) {
    this.size = vocabulary.length;
    this.orders = orders.map(({ keys, counts, ...order }) => {
      let key = 0, end = 0;
      const rows = new Map(Array.from(keys.values, (step, row) => [(key += step), row]));
      return { ...order, rows, ends: Array.from(counts.values, (count) => (end += count)) };
    });
  }

  start(codes) {
    this.window = codes.slice(-(this.orders.length - 1) || codes.length);
    let p = new Float64Array(this.size).fill(1 / this.size), row = 0;
    for (let k = 0; k < this.orders.length && k <= this.window.length; k++) {
      const { rows, ends, backoff, symbols, probabilities } = this.orders[k];
      if (k) row = rows.get(row * this.size + this.window[this.window.length - k]);
      if (row === undefined) break;
      p = p.map((value) => value * backoff.values[row]);
      for (let at = row ? ends[row - 1] : 0; at < ends[row]; at++) p[symbols.values[at]] += probabilities.values[at];
    }
    return p.map(Math.log);
  }

  step(code) {
    return this.start([...this.window, code]);
  }
}

const PREDICTORS = { "simple-rnn": WindowPredictor, lstm: LstmPredictor, ngram: NGramPredictor };

// ---- sampling (models/text/sampling.py) ----------------------------------------------------------
const greatest = (values) => values.reduce((one, other) => Math.max(one, other), -Infinity);

/** Return ln p at a temperature, of the k most probable symbols alone (0: of all). */
export function decodeLogP(logP, temperature, topK) {
  const most = greatest(logP), heated = logSoftmax(logP.map((value) => (value - most) / temperature));
  if (!topK || topK >= heated.length) return topK ? logSoftmax(heated) : heated;
  const threshold = Array.from(heated).sort((a, b) => b - a)[topK - 1];
  return logSoftmax(heated.map((value) => (value >= threshold ? value : -Infinity)));
}

/** Draw a symbol by inversion of the cumulative distribution. */
export function sample(logP, generator) {
  let total = 0;
  const cumulative = logSoftmax(logP).map((value) => (total += Math.exp(value)));
  const drawn = generator.random() * total;
  return cumulative.reduce((count, each) => count + (each <= drawn ? 1 : 0), 0);
}

class Writer {
  constructor(described) {
    Object.assign(this, described);
    this.predictor = new PREDICTORS[described.kind](described);
    this.codes = new Map(described.vocabulary.map((character, code) => [character, code]));
  }

  /** Return the codes of a prompt, and its characters that are not in the vocabulary. */
  encode(prompt) {
    if (!this.vocabulary.some((each) => each !== each.toLowerCase())) prompt = prompt.toLowerCase();
    const known = [...prompt].filter((each) => this.codes.has(each)).map((each) => this.codes.get(each));
    const unknown = [...new Set([...prompt].filter((each) => !this.codes.has(each)))].join("");
    return [known.length ? known : [this.codes.get(" ") ?? 0], unknown];
  }

  /** Yield the prompt as it was read, then each character with its alternatives. */
  *generate({ prompt, temperature, top_k, length, seed }) {
    const [codes, unknown] = this.encode(prompt), generator = makeGenerator(seed, "playground", "poetry");
    yield { prompt: codes.map((code) => this.vocabulary[code]).join(""), unknown };
    const spaces = Array(Math.max(0, this.min_prompt - codes.length)).fill(this.codes.get(" ") ?? 0);
    let logP = this.predictor.start([...spaces, ...codes]);
    for (let index = 0; index < length; index++) {
      const decoded = decodeLogP(logP, temperature, top_k), code = sample(decoded, generator);
      const shares = decoded.map(Math.exp), order = orderDown(shares).slice(0, ALTERNATIVES);
      yield {
        character: this.vocabulary[code],
        p: round(Math.exp(logP[code]), 4),
        alternatives: order.map((each) => [this.vocabulary[each], round(shares[each], 4)]),
      };
      if (index + 1 < length) logP = this.predictor.step(code);
    }
  }
}

export class Poetry {
  constructor({ nets = {}, own = {} }) {
    this.nets = nets;
    this.own = own;
    this.made = {}; // writers by key: each is made when it is first asked for
  }

  /** Yield what the server streams: the prompt, then the characters. */
  *generate(params) {
    const given = { ...DEFAULTS, ...params }, described = this.nets[given.net] ?? this.own[given.net];
    if (!described) throw new AnswerError("there is no model of that name");
    for (const name of ["temperature", "top_k", "length", "seed"]) given[name] = Number(given[name]);
    if (!(Number.isInteger(given.seed) && given.seed >= 0 && given.seed <= MAX_SEED)) throw new AnswerError("the setting '{name}' is out of range", { name: "seed" });
    this.made[given.net] ??= new Writer(described);
    yield* this.made[given.net].generate(given);
  }

  write(params) {
    const [first, ...characters] = this.generate(params);
    return { ...first, text: characters.map((each) => each.character).join("") };
  }

  list() {
    return Object.fromEntries(Object.entries(this.nets).map(([key, { vocabulary, nats }]) => [key, { vocabulary: vocabulary.join(""), nats }]));
  }

  listOwn() {
    return Object.fromEntries(Object.entries(this.own).map(([key, { name, text, prompt, nats }]) => [key, { name, text, prompt, nats }]));
  }
}
