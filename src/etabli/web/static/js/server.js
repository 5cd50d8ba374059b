// Where the answers come from: the server. A published page has local/server.js in its place.

import { _ } from "./texts.js";

export const isPublished = false;

/** Return the address of a page or of a file of a run, from its path on the server. */
export const addressOf = (path) => path;

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

/** Listen to server-sent events until the page is left; `error` is called where they break off. */
export function listen(path, { error, ...handlers }) {
  const source = new EventSource(path);
  for (const [name, handler] of Object.entries(handlers)) {
    source.addEventListener(name, (event) => handler(JSON.parse(event.data)));
  }
  if (error) source.addEventListener("error", error);
  addEventListener("pagehide", () => source.close());
  return source;
}
