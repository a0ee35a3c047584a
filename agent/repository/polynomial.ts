import { randomBytes } from 'node:crypto';

/*
 * restic refuses a repository whose chunker polynomial is not irreducible over GF(2). We cut by a grid and never use
 * it, but `restic backup` into the same repository does.
 */
const degree = 53;

function degreeOf(polynomial: bigint): number {
  return polynomial.toString(2).length - 1;
}

function remainder(value: bigint, modulus: bigint): bigint {
  const size = degreeOf(modulus);
  let rest = value;
  for (let top = degreeOf(rest); rest !== 0n && top >= size; top = degreeOf(rest))
    rest ^= modulus << BigInt(top - size);
  return rest;
}

function squareModulo(value: bigint, modulus: bigint): bigint {
  // Squaring over GF(2) puts a zero between any two bits.
  const spread = value.toString(2).split('').join('0');
  return remainder(BigInt(`0b${spread}`), modulus);
}

function greatestCommonDivisor(a: bigint, b: bigint): bigint {
  let [x, y] = [a, b];
  while (y !== 0n) [x, y] = [y, remainder(x, y)];
  return x;
}

/** Ben-Or's test: no factor of degree up to half exists. */
export function isIrreducible(polynomial: bigint): boolean {
  let power = 2n;
  for (let i = 1; i <= degreeOf(polynomial) / 2; i++) {
    power = squareModulo(power, polynomial);
    if (greatestCommonDivisor(polynomial, power ^ 2n) !== 1n) return false;
  }
  return true;
}

/** A random irreducible polynomial of degree 53 in the hexadecimal form of restic's config. */
export function randomPolynomial(): string {
  for (;;) {
    const drawn = BigInt(`0x${randomBytes(8).toString('hex')}`) & ((1n << BigInt(degree)) - 1n);
    const candidate = drawn | (1n << BigInt(degree)) | 1n;
    if (isIrreducible(candidate)) return candidate.toString(16);
  }
}
