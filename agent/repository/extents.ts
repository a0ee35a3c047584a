import { AppError } from '../../shared/errors.ts';
import { throwIfAborted } from './cancel.ts';
import { RunList } from './run-list.ts';

/** A part of a disk, bytes. `zero` reads as zeros, or is clean where changes are told. */
export interface Extent {
  offset: number;
  length: number;
  zero: boolean;
}

/**
 * The ranges that are not `zero`, from extents that must cover the disk in order and without gaps.
 * @throws AppError diskReadFailed when they do not, cancelled
 */
export async function collectRuns(
  extents: AsyncIterable<Extent>,
  sizeBytes: number,
  signal: AbortSignal,
): Promise<RunList> {
  const runs = new RunList();
  let at = 0;
  for await (const { offset, length, zero } of extents) {
    throwIfAborted(signal);
    const end = offset + length;
    if (offset !== at || length < 0 || end > sizeBytes) {
      throw new AppError(
        'diskReadFailed',
        `the disk reports an extent of ${length} bytes at ${offset}, expected at ${at}`,
      );
    }
    if (!zero && length > 0) runs.add(offset, end);
    at = end;
  }
  if (at !== sizeBytes) throw new AppError('diskReadFailed', `the disk's extents end at ${at} of ${sizeBytes} bytes`);
  return runs;
}
