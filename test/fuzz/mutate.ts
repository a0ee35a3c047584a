/** A whole number from 0 up to but without `limit`. */
export type Random = (limit: number) => number;

/** Mulberry32: the same seed gives the same numbers on every machine. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4_294_967_296) * limit);
  };
}

export function pick<T>(list: readonly T[], random: Random): T {
  const found = list[random(list.length)];
  if (found === undefined) throw new Error('nothing to pick from');
  return found;
}

/** Lengths, counts and offsets that break careless arithmetic. */
const extremes = [
  0n,
  1n,
  2n,
  7n,
  8n,
  0x7fn,
  0x80n,
  0xffn,
  0x100n,
  0x7fffn,
  0xffffn,
  0x10000n,
  0xfffffn,
  0x100000n,
  0x100001n,
  0x7fffffffn,
  0x80000000n,
  0x80000001n,
  0xfffffff8n,
  0xffffffffn,
  0x100000000n,
  0x1fffffffffffffn,
  0x20000000000000n,
  0x7fffffffffffffffn,
  0x8000000000000000n,
  0xffffffffffffffffn,
];

type BytesChange = (bytes: Buffer, corpus: readonly Buffer[], random: Random) => Buffer;

/** A part of at most a quarter of it, mostly small. */
function part(length: number, random: Random): { from: number; to: number } {
  const from = random(length + 1);
  const size = random(2) === 0 ? random(9) : random(Math.floor(length / 4) + 2);
  return { from, to: Math.min(length, from + size) };
}

function putNumber(bytes: Buffer, random: Random): Buffer {
  const width = pick([2, 4, 4, 4, 8], random);
  if (bytes.length < width) return bytes;
  const copy = Buffer.from(bytes);
  // Fields lie on even offsets mostly.
  const at = random(4) === 0 ? random(copy.length - width + 1) : random(Math.floor((copy.length - width) / 2) + 1) * 2;
  const value = BigInt.asUintN(width * 8, pick(extremes, random));
  for (let i = 0; i < width; i++) copy[at + i] = Number((value >> BigInt((width - 1 - i) * 8)) & 0xffn);
  return copy;
}

function setByte(bytes: Buffer, at: number, value: number): Buffer {
  const copy = Buffer.from(bytes);
  if (at < copy.length) copy[at] = value & 0xff;
  return copy;
}

const bytesChanges: readonly BytesChange[] = [
  (bytes, _, random) => {
    const at = random(Math.max(1, bytes.length));
    return setByte(bytes, at, (bytes[at] ?? 0) ^ (1 << random(8)));
  },
  (bytes, _, random) => setByte(bytes, random(Math.max(1, bytes.length)), random(256)),
  (bytes, _, random) => bytes.subarray(0, random(bytes.length + 1)),
  (bytes, _, random) => putNumber(bytes, random),
  (bytes, _, random) => putNumber(bytes, random),
  (bytes, _, random) => {
    const { from, to } = part(bytes.length, random);
    return Buffer.concat([bytes.subarray(0, to), bytes.subarray(from)]);
  },
  (bytes, _, random) => {
    const { from, to } = part(bytes.length, random);
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
  },
  (bytes, corpus, random) => {
    const other = pick(corpus, random);
    const { from, to } = part(other.length, random);
    const at = random(bytes.length + 1);
    return Buffer.concat([bytes.subarray(0, at), other.subarray(from, to), bytes.subarray(at)]);
  },
  (bytes, corpus, random) => Buffer.concat([bytes, pick(corpus, random)]),
];

/** One of the corpus with one to six changes: flips, cuts, extreme numbers, doubled, removed and spliced parts. */
export function mutateBytes(corpus: readonly Buffer[], random: Random): Buffer {
  let bytes = pick(corpus, random);
  for (let left = 1 + random(6); left > 0; left--) bytes = pick(bytesChanges, random)(bytes, corpus, random);
  return bytes;
}

const oddCharacters = [
  '\0',
  '\u001B',
  '\u202E',
  '\uFEFF',
  '\uD800',
  '\uDFFF',
  '😀',
  '<',
  '>',
  '&',
  '"',
  "'",
  '\\',
  '\r',
];
const oddNumbers = ['-1', '0', '-0', '1e999', '1e-999', '9007199254740993', '4294967296', 'NaN', '0x10', '1.5', '  7 '];

type TextChange = (text: string, corpus: readonly string[], tokens: readonly string[], random: Random) => string;

const textChanges: readonly TextChange[] = [
  (text, _, __, random) => text.slice(0, random(text.length + 1)),
  (text, _, __, random) => {
    const { from, to } = part(text.length, random);
    return text.slice(0, from) + text.slice(to);
  },
  (text, _, __, random) => {
    const { from, to } = part(text.length, random);
    return text.slice(0, to) + text.slice(from);
  },
  (text, _, tokens, random) => {
    const at = random(text.length + 1);
    return text.slice(0, at) + pick(tokens, random) + text.slice(at);
  },
  (text, _, __, random) => {
    const at = random(text.length + 1);
    return text.slice(0, at) + pick(oddCharacters, random) + text.slice(at + random(2));
  },
  (text, corpus, _, random) => {
    const other = pick(corpus, random);
    const { from, to } = part(other.length, random);
    const at = random(text.length + 1);
    return text.slice(0, at) + other.slice(from, to) + text.slice(at);
  },
  (text, _, __, random) => {
    // One of the numbers in it.
    const numbers = [...text.matchAll(/\d+/gu)];
    if (numbers.length === 0) return text;
    const { index, 0: old } = pick(numbers, random);
    return text.slice(0, index) + pick(oddNumbers, random) + text.slice(index + old.length);
  },
  (text, _, tokens, random) => {
    // Deep nesting, or one thing very often.
    if (random(8) !== 0) return text;
    const at = random(text.length + 1);
    return text.slice(0, at) + pick(tokens, random).repeat(random(20_000)) + text.slice(at);
  },
];

/** The same for text. @param tokens pieces of the language, put in once or very often */
export function mutateText(corpus: readonly string[], tokens: readonly string[], random: Random): string {
  let text = pick(corpus, random);
  for (let left = 1 + random(6); left > 0; left--) text = pick(textChanges, random)(text, corpus, tokens, random);
  return text.slice(0, 2_000_000);
}
