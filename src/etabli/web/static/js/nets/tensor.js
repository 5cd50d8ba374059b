// Arrays as the page carries them: base64 of their little-endian bytes, deflated or not.

/** What cannot be answered; the message is a text of the page, with {placeholders}. */
export class AnswerError extends Error {
  constructor(message, values = {}) {
    super(message);
    this.values = values;
  }
}

const KINDS = { float64: Float64Array, float32: Float32Array, uint16: Uint16Array, uint8: Uint8Array, int32: Int32Array };

/** Return every value of a half-precision number, by its bits: exact. */
function listHalves() {
  return Float32Array.from({ length: 65536 }, (_each, bits) => {
    const sign = bits & 0x8000 ? -1 : 1, exponent = (bits >> 10) & 31, fraction = bits & 1023;
    if (exponent === 31) return fraction ? NaN : sign * Infinity;
    return exponent ? sign * 2 ** (exponent - 15) * (1 + fraction / 1024) : sign * 2 ** -24 * fraction;
  });
}
let halves = null;

async function inflate(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Decode an array of a description to { shape, values }, the values in a typed array. */
export async function decode({ shape, dtype, deflated, data }) {
  const text = atob(data);
  let bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
  if (deflated) bytes = await inflate(bytes);
  if (dtype !== "float16") return { shape, values: new KINDS[dtype](bytes.buffer) };
  halves ??= listHalves();
  return { shape, values: Float32Array.from(new Uint16Array(bytes.buffer), (bits) => halves[bits]) };
}

/** Replace every array in a description, at any depth, by its decoded form. */
export async function decodeAll(described) {
  if (Array.isArray(described)) return described.some((each) => typeof each === "object") ? Promise.all(described.map(decodeAll)) : described;
  if (described === null || typeof described !== "object") return described;
  if (typeof described.dtype === "string" && typeof described.data === "string") return decode(described);
  const entries = await Promise.all(Object.entries(described).map(async ([name, each]) => [name, await decodeAll(each)]));
  return Object.fromEntries(entries);
}

/** Round to the nearest whole number, halves to the even one, as NumPy's rint. */
export function rint(value) {
  const low = Math.floor(value), rest = value - low;
  return rest < 0.5 || (rest === 0.5 && low % 2 === 0) ? low : low + 1;
}

/** Round to a number of digits, as Python's round. */
export const round = (value, digits) => (Number.isFinite(value) ? Number(value.toFixed(digits)) : value);

/** Return the order that sorts values from the largest down; equal ones keep theirs. */
export const orderDown = (values) => Array.from(values.keys()).sort((a, b) => values[b] - values[a] || a - b);

/** Encode bytes in base64. */
export function encode(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 4096) text += String.fromCharCode(...bytes.subarray(at, at + 4096));
  return btoa(text);
}

/** Encode values in [0, 1] as bytes in base64. */
export function encodeBytes(values) {
  const bytes = new Uint8Array(values.length);
  for (let at = 0; at < bytes.length; at++) bytes[at] = rint(255 * values[at]);
  return encode(bytes);
}

/** Encode values between the extremes -s and s as bytes in base64; 128 is zero. */
export function encodeSigned(values) {
  let largest = 1e-9;
  for (const value of values) largest = Math.max(largest, Math.abs(value));
  const bytes = new Uint8Array(values.length);
  for (let at = 0; at < bytes.length; at++) bytes[at] = rint((127 * values[at]) / largest) + 128;
  return encode(bytes);
}
