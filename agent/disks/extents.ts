import { AppError } from '../../shared/errors.ts';
import type { Extent } from './disk.ts';

/** Throws what the signal was aborted with: an AppError as it is, everything else as `cancelled`. */
export function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw abortReason(signal);
}

/** The error that an aborted signal stands for. */
export function abortReason(signal: AbortSignal): AppError {
  const reason: unknown = signal.reason;
  return reason instanceof AppError
    ? reason
    : new AppError('cancelled', 'the operation was cancelled', { cause: reason });
}

/** A disk of which nothing more is known than its size. Bytes. */
export function* wholeDisk(sizeBytes: number, zero: boolean, signal: AbortSignal): Iterable<Extent> {
  throwIfAborted(signal);
  if (sizeBytes > 0) yield { offset: 0, length: sizeBytes, zero };
}
