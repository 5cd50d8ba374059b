// NumPy's default generator, bit for bit: SeedSequence and PCG64, and the doubles that it draws.
// `makeGenerator(seed, "playground", "poetry")` draws what `etabli.core.seeding` draws in Python.

const MASK_64 = (1n << 64n) - 1n, MASK_128 = (1n << 128n) - 1n;
const MULTIPLIER = (2549297995355413924n << 64n) + 4865540595714422341n;

/** CRC-32 of a text, as zlib computes it. */
export function crc32(text) {
  let crc = -1;
  for (const byte of new TextEncoder().encode(text)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ -1) >>> 0;
}

/** Mix words of 32 bits into eight, as NumPy's SeedSequence(words).generate_state(4, uint64). */
function mixSeeds(words) {
  let constant = 0x43b0d7e5;
  const hash = (value) => {
    value ^= constant;
    constant = Math.imul(constant, 0x931e8875);
    value = Math.imul(value, constant);
    return (value ^ (value >>> 16)) >>> 0;
  };
  const mix = (x, y) => {
    const mixed = (Math.imul(0xca01f9dd, x) - Math.imul(0x4973f715, y)) | 0;
    return (mixed ^ (mixed >>> 16)) >>> 0;
  };
  const pool = Array.from({ length: 4 }, (_each, index) => hash(words[index] ?? 0));
  for (let from = 0; from < 4; from++) {
    for (let to = 0; to < 4; to++) if (from !== to) pool[to] = mix(pool[to], hash(pool[from]));
  }
  for (const word of words.slice(4)) for (let to = 0; to < 4; to++) pool[to] = mix(pool[to], hash(word));
  constant = 0x8b51f9dd;
  return Array.from({ length: 8 }, (_each, index) => {
    let value = pool[index % 4] ^ constant;
    constant = Math.imul(constant, 0x58f38ded);
    value = Math.imul(value, constant);
    return (value ^ (value >>> 16)) >>> 0;
  });
}

/** PCG64 (XSL-RR 128/64), after O'Neill 2014. */
export class Generator {
  constructor(words) {
    const half = (index, state) => (BigInt(state[2 * index + 1]) << 32n) + BigInt(state[2 * index]);
    const state = mixSeeds(words);
    this.increment = ((((half(2, state) << 64n) + half(3, state)) << 1n) | 1n) & MASK_128;
    this.state = 0n;
    this.advance();
    this.state += (half(0, state) << 64n) + half(1, state);
    this.advance();
  }

  advance() {
    this.state = (this.state * MULTIPLIER + this.increment) & MASK_128;
  }

  /** Draw 64 bits. */
  next() {
    this.advance();
    const turn = this.state >> 122n, word = (this.state >> 64n) ^ (this.state & MASK_64);
    return ((word >> turn) | (word << (64n - turn))) & MASK_64;
  }

  /** Draw a number from [0, 1), with 53 bits. */
  random() {
    return Number(this.next() >> 11n) / 2 ** 53;
  }
}

/** Create the generator of one purpose of a seed, below 2^32. */
export const makeGenerator = (seed, ...purpose) => new Generator([seed, ...purpose.map(crc32)]);
