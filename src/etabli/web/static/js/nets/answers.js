// What the server answers, computed by the nets in the page: the same paths, the same JSON.

import { Backprop } from "./backprop.js";
import { Digits } from "./digits.js";
import { AnswerError, decodeAll } from "./tensor.js";
import { Poetry } from "./text.js";
import { Words } from "./words.js";

const PARTS = { digits: Digits, poetry: Poetry, words: Words, backprop: Backprop };
const PATHS = {
  "/api/digits": ["digits", (part, params) => part.classify(params)],
  "/api/digits/nets": ["digits", (part) => part.list()],
  "/api/digits/filter": ["digits", (part, { net, layer, unit, run }) => part.find(net, run).filter(layer, Number(unit))],
  "/api/digits/plane": ["digits", (part) => part.plane.list()],
  "/api/poetry": ["poetry", (part) => part.list()],
  "/api/poetry/own": ["poetry", (part) => part.listOwn()],
  "/api/poetry/write": ["poetry", (part, params) => part.write(params)],
  "/api/words": ["words", (part) => part.map],
  "/api/words/neighbors": ["words", (part, params) => part.neighbors(params)],
  "/api/words/analogy": ["words", (part, params) => part.analogy(params)],
  "/api/backprop": ["backprop", (part, params) => part.descend(params)],
};

export class Answers {
  constructor(parts) {
    this.parts = parts;
  }

  /** Decode the descriptions of some parts: { digits, poetry, words, backprop }. */
  static async load(described) {
    const decoded = await decodeAll(described);
    return new Answers(Object.fromEntries(Object.entries(decoded).map(([name, part]) => [name, new PARTS[name](part)])));
  }

  part(name) {
    if (!this.parts[name]) throw new AnswerError("this page was published without its nets");
    return this.parts[name];
  }

  /** Return what the server answers to a request. */
  answer(path, params = {}) {
    if (!PATHS[path]) throw new AnswerError("a published page cannot do this: it needs 'etabli serve'");
    const [name, work] = PATHS[path];
    return work(this.part(name), params);
  }

  /** Yield the events of a poem, as the server streams them. */
  *stream(params) {
    let event = "prompt";
    for (const data of this.part("poetry").generate(params)) {
      yield { event, data };
      event = "character";
    }
    yield { event: "end", data: {} };
  }

  /** Return whether a net is here, by the key of its page. */
  has(key) {
    const { digits, poetry, words } = this.parts;
    if (key === "digits.plane") return Boolean(digits?.plane);
    if (key === "words") return Boolean(words);
    return Boolean(digits?.nets[key]?.length || poetry?.nets[key] || poetry?.own[key]);
  }
}
