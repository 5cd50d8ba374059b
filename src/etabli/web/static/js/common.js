// Shared by all pages: DOM elements, messages, numbers; and what texts.js and server.js export.

import { language } from "./texts.js";

export { ServerError, addressOf, isPublished, listen, request } from "./server.js";
export { _, language } from "./texts.js";

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
