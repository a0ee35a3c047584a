/** The substitution π of GOST R 34.12-2015 (RFC 7801, section 4.1). */
const substitution = Buffer.from(
  [
    'fceedd11cf6e3116fbc4fada23c5044de977f0db932e99ba1736f1bb14cd5fc1',
    'f918655ae25cef21811c3c428b018e4f058402aee36a8fa0060bed987fd4d31f',
    'eb342c51eac848abf22a68a2fd3aceccb5700e56080c7612bf7213479cb75d87',
    '15a19629107b9ac7f391786f9d9eb2b13275193dff358a7e6d54c680c3bd0d57',
    'dff524a93ea843c9d779d6f67c22b903e00fecde7a94b0bcdce828504e330a4a',
    'a79760731e0062441ab83882649f2641ad454692275e552f8ca3a57d69d5953b',
    '0758b34086ac1df730376be488d9e789e11b83494c3ff8fe8d53aa90cad88561',
    '207167a42d2b095bcb9b25d0bee56c5259a674d2e6f4b4c0d166afc2394b63b6',
  ].join(''),
  'hex',
);

/** Coefficients of the linear form ℓ (section 4.2), from the first byte of a block to the last. */
const coefficients = Buffer.from('94208510c2c001fb01c0c21085209401', 'hex');

/** x⁸ + x⁷ + x⁶ + x + 1 without its highest term. */
const reduction = 0xc3;

function multiply(a: number, b: number): number {
  let product = 0;
  let factor = a;
  for (let rest = b; rest > 0; rest >>= 1) {
    if ((rest & 1) === 1) product ^= factor;
    factor = ((factor << 1) & 0xff) ^ ((factor & 0x80) === 0 ? 0 : reduction);
  }
  return product;
}

/** The linear transformation L of a block, in place: sixteen steps of the shift register R. */
export function mix(block: Uint8Array): void {
  for (let step = 0; step < 16; step++) {
    let sum = 0;
    for (let i = 0; i < 16; i++) sum ^= multiply(block[i] as number, coefficients[i] as number);
    block.copyWithin(1, 0, 15);
    block[0] = sum;
  }
}

/**
 * S and L together: four words, big endian, for each byte at each place of a block, of what it adds to the result. Row
 * `place * 256 + byte`, 64 KiB.
 */
export function roundTable(): Uint32Array {
  const table = new Uint32Array(16 * 256 * 4);
  for (let row = 0; row < 16 * 256; row++) {
    const block = Buffer.alloc(16);
    block[row >> 8] = substitution[row & 0xff] as number;
    mix(block);
    for (let w = 0; w < 4; w++) table[row * 4 + w] = block.readUInt32BE(w * 4);
  }
  return table;
}
