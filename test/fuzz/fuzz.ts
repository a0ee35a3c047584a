import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect } from 'vitest';
import { AppError } from '../../shared/errors.ts';
import { type Random, seeded } from './mutate.ts';

/** Cases per parser; `FUZZ_CASES` for more. */
const cases = Number(process.env['FUZZ_CASES'] ?? '2000');
/** First seed; `FUZZ_SEED` with `FUZZ_CASES=1` repeats one case. */
const firstSeed = Number(process.env['FUZZ_SEED'] ?? '1');

const longestMs = 1000;
/** What may stay on the heap after all cases, bytes. */
const growthLimit = 32 * 1024 * 1024;

export interface FuzzTarget<T> {
  /** Makes one hostile input. */
  readonly make: (random: Random) => T;
  /** Parses it; an AppError that is no `internal` is a proper answer. */
  readonly parse: (input: T) => void | Promise<void>;
  /** Of all inputs at least this part must be refused and accepted, or the fuzzer tests nothing. Default 0.02. */
  readonly leastShare?: number;
}

/** Feeds a parser with mutated inputs: no crash, no hang, bounded memory. */
export async function fuzz<T>({ make, parse, leastShare = 0.02 }: FuzzTarget<T>): Promise<void> {
  const before = await heapUsed();
  let refused = 0;
  for (let seed = firstSeed; seed < firstSeed + cases; seed++) {
    const input = make(seeded(seed));
    const began = process.cpuUsage();
    try {
      await parse(input);
    } catch (error) {
      if (!(error instanceof AppError) || error.code === 'internal')
        throw new Error(`case FUZZ_SEED=${seed}: ${show(input)}`, { cause: error });
      refused++;
    }
    // Time of this process: others on the machine must not make a case slow.
    const { user, system } = process.cpuUsage(began);
    const milliseconds = (user + system) / 1000;
    if (milliseconds > longestMs) throw new Error(`case FUZZ_SEED=${seed} took ${milliseconds} ms: ${show(input)}`);
    // Promises that were rejected keep what they hold until their handlers have run.
    if (seed % 50 === 0) await turn();
  }
  expect((await heapUsed()) - before).toBeLessThan(growthLimit);
  if (cases < 100) return;
  expect(refused / cases).toBeGreaterThan(leastShare);
  expect(1 - refused / cases).toBeGreaterThan(leastShare);
}

/** Outside buffers count as well. */
async function heapUsed(): Promise<number> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  // What the first round finds is given back in the background.
  for (let round = 0; round < 2; round++) {
    await turn();
    collect();
  }
  const { heapUsed: heap, arrayBuffers } = process.memoryUsage();
  return heap + arrayBuffers;
}

function show(input: unknown): string {
  const text = Buffer.isBuffer(input) ? input.toString('hex') : JSON.stringify(input);
  return text.length > 2000 ? `${text.slice(0, 2000)}… (${text.length})` : text;
}
