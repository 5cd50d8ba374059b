// Shared by all pages: translated texts, requests, DOM elements, messages.

const texts = JSON.parse(document.getElementById("texts").textContent);
export const language = document.documentElement.lang;

/** Translate a text to the language of the page and fill its {placeholders}. */
export function _(message, values = {}) {
  return (texts[message] ?? message).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** Return the element with an id. */
export const $ = (id) => document.getElementById(id);

/** Create an element: el("p", {class: "muted"}, "text", child). Text is never parsed as markup. */
export function el(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

/** Create an SVG element. */
export function svg(name, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function fill(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(key, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/** An error of the server, with its message. */
export class ServerError extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/** Send a GET request, or a POST request with a JSON body or a file. Throws a ServerError. */
export async function request(path, { body, file, signal } = {}) {
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
    throw new ServerError(_("The server does not respond. Is 'etabli serve' still running?"), 0);
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new ServerError(answer.error ?? _("The server does not respond. Is 'etabli serve' still running?"), response.status);
  return answer;
}

/** Show a message in the notice of the page, which screen readers announce; "" hides it. */
export function notify(message = "") {
  const notice = $("notice");
  notice.textContent = message;
  notice.hidden = !message;
}

/** Run something that sends requests; an error is shown in the notice and undefined returned. */
export async function attempt(work) {
  try {
    const result = await work();
    notify();
    return result;
  } catch (error) {
    if (error.name !== "AbortError") notify(error.message);
    return undefined;
  }
}

/** Format a number with four significant digits, or a share in percent. */
export const number = (value, digits = 4) =>
  value === null || value === undefined
    ? "—"
    : value.toLocaleString(language, { maximumSignificantDigits: digits, useGrouping: Math.abs(value) >= 1e4 });
export const percent = (value, digits = 1) =>
  value.toLocaleString(language, { style: "percent", minimumFractionDigits: digits, maximumFractionDigits: digits });

/** Call a function at most once per animation frame, with the latest arguments. */
export function perFrame(work) {
  let waiting = null;
  return (...args) => {
    if (waiting === null) requestAnimationFrame(() => {
      const latest = waiting;
      waiting = null;
      work(...latest);
    });
    waiting = args;
  };
}

/** Run one call at a time; a call made meanwhile waits and replaces the one that was waiting. */
export function latestOnly(work) {
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

/** Listen to server-sent events until the page is left. */
export function listen(path, handlers) {
  const source = new EventSource(path);
  for (const [name, handler] of Object.entries(handlers)) {
    source.addEventListener(name, (event) => {
      if (event.data !== undefined) handler(JSON.parse(event.data));
    });
  }
  addEventListener("pagehide", () => source.close());
  return source;
}
