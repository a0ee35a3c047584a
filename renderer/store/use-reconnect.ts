import type { ThunkAction, UnknownAction } from '@reduxjs/toolkit';
import { useCallback } from 'react';
import type { Reach } from './engine-api.ts';
import { type AppState, useAppDispatch } from './store.ts';

function reconnect(): ThunkAction<void, AppState, Reach, UnknownAction> {
  return (_dispatch, _getState, { link }) => link.connect();
}

/** Dials at once instead of waiting for the next try. */
export function useReconnect(): () => void {
  const dispatch = useAppDispatch();
  return useCallback(() => dispatch(reconnect()), [dispatch]);
}
