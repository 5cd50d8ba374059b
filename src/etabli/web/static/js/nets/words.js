// The word map, as the server answers it (web/pages/words.py): neighbors and analogies, in float64.

import { AnswerError, orderDown, rint, round } from "./tensor.js";

const NEIGHBORS = 10, ANSWERS = 5;

function normalize(vector) {
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
  return vector.map((value) => value / (length || 1));
}

export class Words {
  constructor({ map, vectors }) {
    const [count, size] = vectors.shape;
    this.map = map;
    this.unit = Array.from({ length: count }, (_each, row) => normalize(Float64Array.from(vectors.values.subarray(row * size, (row + 1) * size))));
  }

  row(word) {
    const row = this.map.words.indexOf(word.toLowerCase());
    if (row < 0) throw new AnswerError("there is no word '{name}' in this map", { name: word });
    return row;
  }

  /** Return the words of largest cosine with a vector, without some. */
  largest(target, excluded, count) {
    const cosines = this.unit.map((vector) => rint(1e9 * vector.reduce((sum, value, at) => sum + value * target[at], 0)) / 1e9);
    const order = orderDown(cosines).filter((row) => !excluded.includes(row)).slice(0, count);
    return { found: order.map((row) => [this.map.words[row], round(cosines[row], 6)]) };
  }

  neighbors({ word }) {
    const row = this.row(word);
    return this.largest(this.unit[row], [row], NEIGHBORS);
  }

  analogy({ a, b, c }) {
    const rows = [a, b, c].map((word) => this.row(word)), [one, two, three] = rows.map((row) => this.unit[row]);
    return this.largest(normalize(two.map((value, at) => value - one[at] + three[at])), rows, ANSWERS);
  }
}
