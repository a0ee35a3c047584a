// Decodes a transformed disk without Holdfast: one file, Node ≥ 22.15, nothing else.
//   restic dump SNAPSHOT /vm/UUID/disks/ID/disk.hft | node decode-hft.mjs KEYFILE > disk.raw
// KEYFILE is an agent's transform.key (32 bytes) or what `holdfast-agent keys export` wrote. Format: docs/transform.md
import { createDecipheriv, createHash, createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { once } from 'node:events';
import { zstdDecompressSync } from 'node:zlib';

/** Number in the header → name, bytes of the key. */
const ciphers = {
  1: ['aes-256', 32],
  2: ['aes-128', 16],
  3: ['aria-256', 32],
  4: ['aria-128', 16],
  5: ['camellia-256', 32],
  6: ['camellia-128', 16],
  7: ['sm4', 16],
  8: ['kuznyechik', 32],
};

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

function readKey(path) {
  const content = readFileSync(path);
  if (content.length === 32) return content;
  const rows = [...content.toString('utf8').matchAll(/^\s*([1-4])\s+((?:[0-9a-f]{4}\s+){4})[0-9a-f]{4}\s*$/gimu)];
  const key = Buffer.from(rows.map((row) => row[2].replace(/\s/gu, '')).join(''), 'hex');
  return key.length === 32 ? key : fail(`${path} holds no key`);
}

/** π of RFC 7801, section 4.1. */
const pi = Buffer.from(
  'fceedd11cf6e3116fbc4fada23c5044de977f0db932e99ba1736f1bb14cd5fc1f918655ae25cef21811c3c428b018e4f058402aee36a8fa0060bed987fd4d31f' +
    'eb342c51eac848abf22a68a2fd3aceccb5700e56080c7612bf7213479cb75d8715a19629107b9ac7f391786f9d9eb2b13275193dff358a7e6d54c680c3bd0d57' +
    'dff524a93ea843c9d779d6f67c22b903e00fecde7a94b0bcdce828504e330a4aa79760731e0062441ab83882649f2641ad454692275e552f8ca3a57d69d5953b' +
    '0758b34086ac1df730376be488d9e789e11b83494c3ff8fe8d53aa90cad88561207167a42d2b095bcb9b25d0bee56c5259a674d2e6f4b4c0d166afc2394b63b6',
  'hex',
);

function multiply(a, b) {
  let product = 0;
  for (; b > 0; b >>= 1) {
    if (b & 1) product ^= a;
    a = a & 0x80 ? ((a << 1) ^ 0x1c3) & 0xff : a << 1;
  }
  return product;
}

function linear(block) {
  const factors = [148, 32, 133, 16, 194, 192, 1, 251, 1, 192, 194, 16, 133, 32, 148, 1];
  for (let step = 0; step < 16; step++) {
    const sum = factors.reduce((total, factor, i) => total ^ multiply(block[i], factor), 0);
    block.copyWithin(1, 0, 15);
    block[0] = sum;
  }
  return block;
}

let table;
/** S, then L of a block as four words. */
function round(words) {
  table ??= Array.from({ length: 16 * 256 }, (_, i) => {
    const block = Buffer.alloc(16);
    block[i >> 8] = pi[i & 255];
    linear(block);
    return [0, 4, 8, 12].map((at) => block.readUInt32BE(at));
  });
  const result = [0, 0, 0, 0];
  for (let i = 0; i < 16; i++) {
    const row = table[(i << 8) | ((words[i >> 2] >>> (24 - 8 * (i & 3))) & 255)];
    for (let w = 0; w < 4; w++) result[w] ^= row[w];
  }
  return result;
}

const wordsOf = (bytes) => [0, 4, 8, 12].map((at) => bytes.readUInt32BE(at));
const xor = (a, b) => a.map((word, w) => word ^ b[w]);

function kuznyechik(key, iv, bytes) {
  const keys = [wordsOf(key.subarray(0, 16)), wordsOf(key.subarray(16))];
  let [left, right] = keys;
  for (let i = 1; i <= 32; i++) {
    const constant = Buffer.alloc(16);
    constant[15] = i;
    [left, right] = [xor(round(xor(left, wordsOf(linear(constant)))), right), left];
    if (i % 8 === 0) keys.push(left, right);
  }
  const counter = Uint32Array.from(wordsOf(iv));
  const result = Buffer.from(bytes);
  for (let at = 0; at < bytes.length; at += 16) {
    let words = [...counter];
    for (let r = 0; r < 9; r++) words = round(xor(words, keys[r]));
    words = xor(words, keys[9]);
    for (let i = at; i < Math.min(at + 16, bytes.length); i++) {
      result[i] ^= words[(i - at) >> 2] >>> (24 - 8 * ((i - at) & 3));
    }
    for (let w = 3; w >= 0 && ++counter[w] === 0; w--);
  }
  return result;
}

function decrypt(name, key, iv, bytes) {
  return name === 'kuznyechik' ? kuznyechik(key, iv, bytes) : createDecipheriv(`${name}-ctr`, key, iv).update(bytes);
}

function open(frame, master, at) {
  const [flags, chunkLength, payloadLength] = [frame[5], frame.readUInt32LE(8), frame.readUInt32LE(12)];
  if (flags & 2) return Buffer.alloc(chunkLength);
  const keyId = createHash('sha256').update('holdfast-transform-key\n').update(master).digest().subarray(0, 16);
  if (!keyId.equals(frame.subarray(16, 32))) fail(`at ${at}: made with the key ${frame.toString('hex', 16, 32)}`);
  const [name, keyBytes] = ciphers[frame[4]] ?? fail(`at ${at}: unknown cipher ${frame[4]}`);
  const derive = (use, length) =>
    Buffer.from(hkdfSync('sha256', master, '', `holdfast-transform-1 ${name} ${use}`, length));
  const tag = frame.subarray(32, 64);
  const payload = decrypt(name, derive('enc', keyBytes), tag.subarray(0, 16), frame.subarray(64, 64 + payloadLength));
  const made = createHmac('sha256', derive('mac', 32)).update(frame.subarray(0, 32)).update(payload).digest();
  if (!timingSafeEqual(made, tag)) fail(`at ${at}: damaged, the tag does not fit`);
  return flags & 1 ? zstdDecompressSync(payload, { maxOutputLength: chunkLength }) : payload;
}

const master = readKey(process.argv[2] ?? fail('usage: node decode-hft.mjs KEYFILE < disk.hft > disk.raw'));
let rest = [];
let have = 0;
let at = 0;
let wanted = 64;
for await (const piece of process.stdin) {
  rest.push(piece);
  have += piece.length;
  while (have >= wanted) {
    const all = Buffer.concat(rest);
    if (wanted === 64 && all.toString('latin1', 0, 4) !== 'HFT1') fail(`at ${at}: no frame`);
    if (wanted === 64) wanted = 64 + all.readUInt32LE(8);
    rest = [all];
    if (have < wanted) break;
    if (!process.stdout.write(open(all.subarray(0, wanted), master, at))) await once(process.stdout, 'drain');
    rest = [all.subarray(wanted)];
    have -= wanted;
    at += wanted;
    wanted = 64;
  }
}
if (have > 0) fail(`at ${at}: the stream ends inside a frame`);
