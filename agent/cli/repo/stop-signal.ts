import { AppError } from '../../../shared/errors.ts';
import { note } from '../../../shared/node/print.ts';

const signals = ['SIGINT', 'SIGTERM'] as const;

/**
 * A signal that is aborted when the program shall stop: it then takes back what it has begun. Whoever asks twice does not
 * want to wait for that.
 */
export function stopSignal(): { signal: AbortSignal; end(): void } {
  const stop = new AbortController();
  const onSignal = () => {
    if (stop.signal.aborted) {
      note('Stopped at once; a lock may be left in the repository (repo locks --remove-stale).');
      process.exit(1);
    }
    note('Stopping, please wait; press again to stop at once.');
    stop.abort(new AppError('cancelled', 'stopped on request'));
  };
  // restic finds out whether a lock's owner lives by sending SIGHUP; without a handler that would kill us.
  const onHangUp = () => undefined;
  for (const name of signals) process.on(name, onSignal);
  process.on('SIGHUP', onHangUp);
  return {
    signal: stop.signal,
    end() {
      for (const name of signals) process.off(name, onSignal);
      process.off('SIGHUP', onHangUp);
    },
  };
}
