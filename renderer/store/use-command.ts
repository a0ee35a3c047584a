import type { ThunkAction, UnknownAction } from '@reduxjs/toolkit';
import { useCallback, useState } from 'react';
import { engineContract } from '../../shared/contract/engine/all.ts';
import { toWireError, type WireError } from '../../shared/errors.ts';
import { type CommandName, engineApi, type Params, type Reach, type Result } from './engine-api.ts';
import { type AppState, useAppDispatch } from './store.ts';

export type Outcome<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: WireError };

/** Calls a command and drops what it touches. Its arguments never enter the store: passwords are among them. */
export function runCommand<K extends CommandName>(
  method: K,
  params: Params<K>,
): ThunkAction<Promise<Outcome<Result<K>>>, AppState, Reach, UnknownAction> {
  return async (dispatch, _getState, { link }) => {
    try {
      const value = await link.call(method, params);
      dispatch(engineApi.util.invalidateTags([...engineContract[method].topics]));
      return { ok: true, value };
    } catch (error) {
      const wire = toWireError(error);
      if (wire.code === 'notSignedIn') dispatch(engineApi.util.invalidateTags(['session']));
      return { ok: false, error: wire };
    }
  };
}

export interface Command<K extends CommandName> {
  readonly run: (params: Params<K>) => Promise<Outcome<Result<K>>>;
  readonly isRunning: boolean;
  /** Of the last run; cleared by the next one. */
  readonly error: WireError | undefined;
  readonly clear: () => void;
}

/** A command of the contract with its state, for a form or a dialog. */
export function useCommand<K extends CommandName>(method: K): Command<K> {
  const dispatch = useAppDispatch();
  const [isRunning, setRunning] = useState(false);
  const [error, setError] = useState<WireError>();
  const run = useCallback(
    async (params: Params<K>) => {
      setRunning(true);
      setError(undefined);
      const outcome = await dispatch(runCommand(method, params));
      setRunning(false);
      if (!outcome.ok) setError(outcome.error);
      return outcome;
    },
    [dispatch, method],
  );
  const clear = useCallback(() => setError(undefined), []);
  return { run, isRunning, error, clear };
}
