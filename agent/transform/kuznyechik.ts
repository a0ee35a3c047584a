import type { BlockCipher } from './block-cipher.ts';
import { mix, roundTable } from './kuznyechik-tables.ts';

const blockBytes = 16;
const rounds = 10;
const lastKey = (rounds - 1) * 4;
let madeTable: Uint32Array | undefined;
/** Ten round keys of four words, by key: the same key object serves many chunks. */
const schedules = new WeakMap<Uint8Array, Uint32Array>();

/** S and L of four words, in place. */
function substituteAndMix(table: Uint32Array, words: Uint32Array): void {
  const sums = new Uint32Array(4);
  for (let place = 0; place < blockBytes; place++) {
    const byte = ((words[place >> 2] as number) >>> (24 - 8 * (place & 3))) & 0xff;
    const row = ((place << 8) | byte) * 4;
    for (let w = 0; w < 4; w++) sums[w] = (sums[w] as number) ^ (table[row + w] as number);
  }
  words.set(sums);
}

/**
 * E of RFC 7801 (section 4.5). The block stays in four variables and each byte is looked up with one line of the cache: this
 * is where all the time goes.
 */
function encrypt(table: Uint32Array, keys: Uint32Array, input: Uint32Array, output: Uint32Array): void {
  let a = input[0] as number;
  let b = input[1] as number;
  let c = input[2] as number;
  let d = input[3] as number;
  for (let key = 0; key < lastKey; key += 4) {
    const x = a ^ (keys[key] as number);
    const y = b ^ (keys[key + 1] as number);
    const z = c ^ (keys[key + 2] as number);
    const last = d ^ (keys[key + 3] as number);
    a = b = c = d = 0;
    for (let w = 0; w < 4; w++) {
      const word = w === 0 ? x : w === 1 ? y : w === 2 ? z : last;
      for (let k = 0; k < 4; k++) {
        const row = (((w * 4 + k) << 8) | ((word >>> (24 - 8 * k)) & 0xff)) << 2;
        a ^= table[row] as number;
        b ^= table[row + 1] as number;
        c ^= table[row + 2] as number;
        d ^= table[row + 3] as number;
      }
    }
  }
  output[0] = a ^ (keys[lastKey] as number);
  output[1] = b ^ (keys[lastKey + 1] as number);
  output[2] = c ^ (keys[lastKey + 2] as number);
  output[3] = d ^ (keys[lastKey + 3] as number);
}

function wordsOf(bytes: Uint8Array): Uint32Array {
  const { buffer, byteOffset } = bytes;
  const view = new DataView(buffer, byteOffset, blockBytes);
  return Uint32Array.of(view.getUint32(0), view.getUint32(4), view.getUint32(8), view.getUint32(12));
}

/** The ten round keys: pairs, each eight Feistel steps with the constants L(i) away from the last (section 4.3). */
function scheduleOf(table: Uint32Array, key: Uint8Array): Uint32Array {
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
    substituteAndMix(table, step);
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
  const table = (madeTable ??= roundTable());
  const schedule = scheduleOf(table, key);
  const counter = wordsOf(iv);
  const stream = new Uint32Array(4);
  const result = Buffer.allocUnsafeSlow(bytes.length);
  const source = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const target = new DataView(result.buffer);
  const whole = bytes.length - (bytes.length % blockBytes);
  for (let at = 0; at < whole; at += blockBytes) {
    encrypt(table, schedule, counter, stream);
    for (let w = 0; w < 4; w++) target.setUint32(at + w * 4, source.getUint32(at + w * 4) ^ (stream[w] as number));
    increment(counter);
  }
  encrypt(table, schedule, counter, stream);
  for (let at = whole; at < bytes.length; at++) {
    const place = at - whole;
    result[at] = (bytes[at] as number) ^ ((stream[place >> 2] as number) >>> (24 - 8 * (place & 3)));
  }
  return result;
}

/**
 * Kuznyechik (GOST R 34.12-2015, RFC 7801), which Node's OpenSSL does not have. Tables by byte make it fast enough for a
 * disk, but not constant in time: who can measure the agent's cache owns its host anyway.
 */
export const kuznyechik: BlockCipher = { name: 'kuznyechik', number: 8, keyBytes: 32, ctr };
