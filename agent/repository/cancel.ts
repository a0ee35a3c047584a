import { AppError } from '../../shared/errors.ts';

/** Throws what the signal was aborted with: an AppError as it is, everything else as `cancelled`. */
export function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw abortError(signal);
}

/** The error that an aborted signal stands for. */
export function abortError(signal: AbortSignal): AppError {
  const reason: unknown = signal.reason;
  return reason instanceof AppError
    ? reason
    : new AppError('cancelled', 'the operation was cancelled', { cause: reason });
}
