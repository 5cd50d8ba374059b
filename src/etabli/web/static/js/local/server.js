// Where the answers of a published page come from: what was written with it, and the nets in it.

import { Answers } from "../nets/answers.js";
import { _ } from "../texts.js";

const { recorded = {}, ...parts } = globalThis.etabli;
const MILLISECONDS_PER_CHARACTER = 12; // slow enough to be followed, as on the server
const loaded = Answers.load(parts);

export const isPublished = true;

/** Return the address of a page or of a file of a run, from its path on the server. */
export function addressOf(path) {
  const [first, run, ...file] = path.replace(/[?#].*$/, "").split("/").slice(1);
  if (first === "api") return `${file[0]}.html`; // the planes of the untangling
  if (first !== "runs" || run === undefined) return `${first || "index"}.html`;
  if (!file.length) return `run.${run}.html`;
  return file.join("/") === "report.html" ? `report.${run}.html` : `../runs/${run}/${file.join("/")}`;
}

/** An error of an answer, with its message. */
export class ServerError extends Error {}

function parse(address) {
  const { pathname, searchParams } = new URL(address, "http://page");
  return { path: decodeURIComponent(pathname), query: Object.fromEntries(searchParams) };
}

/** Run something that answers; its errors become a ServerError in the language of the page. */
async function answering(work) {
  try {
    return work(await loaded);
  } catch (error) {
    throw new ServerError(_(error.message, error.values));
  }
}

/** Answer a request as the server does. Throws a ServerError. */
export function request(address, { body } = {}) {
  const { path, query } = parse(address);
  return answering((answers) => (path in recorded ? structuredClone(recorded[path]) : answers.answer(path, body ?? query)));
}

async function* readEvents({ path, query }) {
  if (path !== "/api/poetry/stream") {
    yield* recorded[path] ?? [];
    return;
  }
  const events = await answering((answers) => answers.stream(query));
  for (let due = performance.now(); ; due += MILLISECONDS_PER_CHARACTER) {
    const { done, value } = events.next();
    if (done) return;
    yield value;
    const early = due - performance.now();
    if (early > 0) await new Promise((resolve) => setTimeout(resolve, early));
  }
}

/** Call back with each event of a stream, until it is closed; `error` where it breaks off. */
export function listen(address, handlers) {
  const source = { isOpen: true, close() { source.isOpen = false; } };
  (async () => {
    for await (const { event, data } of readEvents(parse(address))) {
      if (!source.isOpen) return;
      handlers[event]?.(data);
    }
  })().catch(() => source.isOpen && handlers.error?.());
  return source;
}

// What --check asks, and whether the page works in this browser: local/started.js says where it does not.
globalThis.etabli.request = request;
globalThis.etabli.isStarted = typeof DecompressionStream !== "undefined";
