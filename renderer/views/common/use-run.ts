import { useCallback } from 'react';
import type { WireError } from '../../../shared/errors.ts';
import type { CommandName, Params, Result } from '../../store/engine-api.ts';
import { useAppDispatch } from '../../store/store.ts';
import { runCommand } from '../../store/use-command.ts';
import { useDialogs } from './dialog-host.tsx';

/** Runs a command from a menu or button; a failure is shown over the page under the title. */
export function useRun() {
  const dispatch = useAppDispatch();
  const { fail } = useDialogs();
  return useCallback(
    async <K extends CommandName>(title: string, method: K, params: Params<K>): Promise<Result<K> | undefined> => {
      fail(undefined);
      const outcome = await dispatch(runCommand(method, params));
      if (outcome.ok) return outcome.value;
      fail({ title, error: outcome.error });
      return undefined;
    },
    [dispatch, fail],
  );
}

/** Runs a command from a dialog, which shows the failure itself. */
export function useTry() {
  const dispatch = useAppDispatch();
  return useCallback(
    async <K extends CommandName>(method: K, params: Params<K>): Promise<WireError | undefined> => {
      const outcome = await dispatch(runCommand(method, params));
      return outcome.ok ? undefined : outcome.error;
    },
    [dispatch],
  );
}
