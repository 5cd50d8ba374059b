// What every page uses: texts, asking the server, building elements, saying something.

const texts = JSON.parse(document.getElementById("texts").textContent);
export const language = document.documentElement.lang;

/** The text in the page's language, with {name} replaced. */
export function _(message, values = {}) {
  return (texts[message] ?? message).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** The element with this id. */
export const $ = (id) => document.getElementById(id);

/** A new element: el("p", {class: "quiet"}, "text", child). Text is text, never markup. */
export function el(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

/** The same for SVG. */
export function svg(name, attributes = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function filled(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(key, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/** A refusal of the server, with its sentence. */
export class Refusal extends Error {
  constructor(sentence, status) {
    super(sentence);
    this.status = status;
  }
}

/** Ask the server: a query, or a body (JSON, or a file with its own type). Throws a Refusal with a sentence. */
export async function ask(path, { body, file, signal } = {}) {
  const options = { signal };
  if (body !== undefined) {
    options.method = "POST";
    options.headers = { "content-type": "application/json" };
    options.body = JSON.stringify(body);
  } else if (file) {
    options.method = "POST";
    options.headers = { "content-type": file.type || "application/octet-stream" };
    options.body = file;
  }
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal(_("The server does not answer. Is 'etabli serve' still running?"), 0);
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refusal(answer.error ?? _("The server does not answer. Is 'etabli serve' still running?"), response.status);
  return answer;
}

/** Say a sentence in the page's notice, which screen readers read out; nothing hides it. */
export function say(sentence = "") {
  const notice = $("notice");
  notice.textContent = sentence;
  notice.hidden = !sentence;
}

/** Run something that asks; a refusal becomes the notice. Returns undefined then. */
export async function attempt(work) {
  try {
    const result = await work();
    say();
    return result;
  } catch (error) {
    if (error.name !== "AbortError") say(error.message);
    return undefined;
  }
}

/** Numbers as people write them: four significant digits, or a share in percent. */
export const number = (value, digits = 4) =>
  value === null || value === undefined
    ? "—"
    : value.toLocaleString(language, { maximumSignificantDigits: digits, useGrouping: Math.abs(value) >= 1e4 });
export const percent = (value, digits = 1) =>
  value.toLocaleString(language, { style: "percent", minimumFractionDigits: digits, maximumFractionDigits: digits });

/** Call a function at most once per frame, with the newest arguments. */
export function perFrame(work) {
  let waiting = null;
  return (...args) => {
    if (waiting === null) requestAnimationFrame(() => {
      const newest = waiting;
      waiting = null;
      work(...newest);
    });
    waiting = args;
  };
}

/** Only the newest question counts: a call made while one is under way waits and replaces whoever waited. */
export function newestOnly(work) {
  let busy = false;
  let next = null;
  return async function call(...args) {
    if (busy) {
      next = args;
      return;
    }
    busy = true;
    try {
      await work(...args);
    } finally {
      busy = false;
      if (next) {
        const waiting = next;
        next = null;
        call(...waiting);
      }
    }
  };
}

/** Follow server-sent events until the page goes. */
export function follow(path, handlers) {
  const source = new EventSource(path);
  for (const [name, handler] of Object.entries(handlers)) {
    source.addEventListener(name, (event) => {
      if (event.data !== undefined) handler(JSON.parse(event.data));
    });
  }
  addEventListener("pagehide", () => source.close());
  return source;
}
