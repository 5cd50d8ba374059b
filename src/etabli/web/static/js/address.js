// The state of a page in its address, after the #: a link shows another person the same.

/** Return the values that the address carries; `readState().word` is undefined where there is none. */
export const readState = () => Object.fromEntries(new URLSearchParams(location.hash.slice(1)));

let pending = null;

/**
 * Put values into the address; empty ones are removed, others that it carries are kept. Within a
 * fifth of a second it is written once, since browsers refuse a hundred changes in a few seconds.
 */
export function writeState(values) {
  if (pending === null) setTimeout(write, 200);
  pending = { ...pending, ...values };
}

function write() {
  const all = Object.entries({ ...readState(), ...pending }).filter(([, value]) => value !== null && value !== undefined && value !== "");
  pending = null;
  const text = new URLSearchParams(all).toString();
  history.replaceState(null, "", text ? `#${text}` : location.pathname + location.search);
}

/** Call back with the values of the address, now and whenever another link is opened in this tab. */
export function onAddress(callback) {
  addEventListener("hashchange", () => callback(readState()));
  callback(readState());
}

const STEPS = 36 ** 2 - 1; // of a coordinate between -0.5 and 1.5: two digits in base 36

/** Write strokes of points (x, y) as text: four characters a point, a dot between strokes. */
export function encodeStrokes(strokes) {
  const code = (value) => Math.round(Math.min(1, Math.max(0, (value + 0.5) / 2)) * STEPS).toString(36).padStart(2, "0");
  return strokes.map((stroke) => stroke.map(([x, y]) => code(x) + code(y)).join("")).join(".");
}

/** Read what encodeStrokes wrote; anything else gives no stroke. */
export function decodeStrokes(text = "") {
  if (!/^([0-9a-z]{4}|\.)*$/.test(text)) return [];
  const value = (code) => (2 * parseInt(code, 36)) / STEPS - 0.5;
  const strokes = text.split(".").map((stroke) => (stroke.match(/.{4}/g) ?? []).map((code) => [value(code.slice(0, 2)), value(code.slice(2))]));
  return strokes.filter((stroke) => stroke.length).slice(0, 60);
}
