import type { BlockCipher } from './block-cipher.ts';
import { mix, roundTables } from './kuznyechik-tables.ts';

const blockBytes = 16;
const rounds = 10;
let tables: ReturnType<typeof roundTables> | undefined;
/** Ten round keys of four words, by key: the same key object serves many chunks. */
const schedules = new WeakMap<Uint8Array, Uint32Array>();

/** S and L of four words, in place. */
function substituteAndMix(words: Uint32Array): void {
  const [t0, t1, t2, t3] = (tables ??= roundTables());
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  for (let w = 0; w < 4; w++) {
    const word = words[w] as number;
    const row = w << 10;
    for (let k = 0; k < 4; k++) {
      const i = row + (k << 8) + ((word >>> (24 - (k << 3))) & 0xff);
      a ^= t0[i] as number;
      b ^= t1[i] as number;
      c ^= t2[i] as number;
      d ^= t3[i] as number;
    }
  }
  words[0] = a;
  words[1] = b;
  words[2] = c;
  words[3] = d;
}

/** E of RFC 7801 (section 4.5), in place. */
function encrypt(keys: Uint32Array, words: Uint32Array): void {
  for (let round = 0; round < rounds; round++) {
    const at = round * 4;
    for (let w = 0; w < 4; w++) words[w] = (words[w] as number) ^ (keys[at + w] as number);
    if (round < rounds - 1) substituteAndMix(words);
  }
}

function wordsOf(bytes: Uint8Array): Uint32Array {
  const { buffer, byteOffset } = bytes;
  const view = new DataView(buffer, byteOffset, blockBytes);
  return Uint32Array.of(view.getUint32(0), view.getUint32(4), view.getUint32(8), view.getUint32(12));
}

/** The ten round keys: pairs, each eight Feistel steps with the constants L(i) away from the last (section 4.3). */
function scheduleOf(key: Uint8Array): Uint32Array {
  const known = schedules.get(key);
  if (known !== undefined) return known;
  const schedule = new Uint32Array(rounds * 4);
  let left = wordsOf(key.subarray(0, blockBytes));
  let right = wordsOf(key.subarray(blockBytes));
  for (let i = 1; i <= 32; i++) {
    if (i % 8 === 1) schedule.set([...left, ...right], ((i - 1) / 8) * 8);
    const constant = new Uint8Array(blockBytes);
    constant[blockBytes - 1] = i;
    mix(constant);
    const step = left.map((word, w) => word ^ (wordsOf(constant)[w] as number));
    substituteAndMix(step);
    [left, right] = [step.map((word, w) => word ^ (right[w] as number)), left];
  }
  schedule.set([...left, ...right], 32);
  schedules.set(key, schedule);
  return schedule;
}

/** Adds one to the counter block; all 128 bits count, as in GOST R 34.13-2015 and in OpenSSL's modes. */
function increment(counter: Uint32Array): void {
  for (let w = 3; w >= 0; w--) {
    counter[w] = (counter[w] as number) + 1;
    if (counter[w] !== 0) return;
  }
}

function ctr(key: Uint8Array, iv: Uint8Array, bytes: Uint8Array): Buffer {
  const schedule = scheduleOf(key);
  const counter = wordsOf(iv);
  const words = new Uint32Array(4);
  const stream = Buffer.alloc(blockBytes);
  const result = Buffer.allocUnsafeSlow(bytes.length);
  for (let at = 0; at < bytes.length; at += blockBytes) {
    words.set(counter);
    encrypt(schedule, words);
    for (let w = 0; w < 4; w++) stream.writeUInt32BE(words[w] as number, w * 4);
    const end = Math.min(blockBytes, bytes.length - at);
    for (let i = 0; i < end; i++) result[at + i] = (bytes[at + i] as number) ^ (stream[i] as number);
    increment(counter);
  }
  return result;
}

/**
 * Kuznyechik (GOST R 34.12-2015, RFC 7801), which Node's OpenSSL does not have. Tables by byte make it fast enough for a
 * disk, but not constant in time: who can measure the agent's cache owns its host anyway.
 */
export const kuznyechik: BlockCipher = { name: 'kuznyechik', number: 8, keyBytes: 32, ctr };
