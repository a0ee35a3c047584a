import { pipeline } from 'node:stream/promises';
import type { Command } from 'commander';
import { exitCodeOf, toWireError } from '../../shared/errors.ts';
import { decodeFrames } from '../transform/decode-stream.ts';
import { keyIn } from './keys.ts';

/** `holdfast-agent decode`: makes a raw disk of what `restic dump` gives for a transformed one. */
export function addDecode(program: Command): void {
  program
    .command('decode')
    .description('decode a transformed disk from standard input to standard output')
    .requiredOption('--key-file <file>', 'what `keys export` wrote, or a copy of a transform.key')
    .action(async ({ keyFile }: { keyFile: string }) => {
      const key = await keyIn(keyFile, '--key-file');
      try {
        const decode = (source: AsyncIterable<Uint8Array>) => decodeFrames(key, source);
        await pipeline(process.stdin, decode, process.stdout);
      } catch (error) {
        // Standard output is the disk: an error must not become part of it.
        const { code, message } = toWireError(error);
        process.stderr.write(`${code}: ${message}\n`);
        process.exitCode = exitCodeOf(code);
      }
    });
}
