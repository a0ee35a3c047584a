import { configureStore } from '@reduxjs/toolkit';
import { useDispatch, useSelector } from 'react-redux';
import { topics } from '../../shared/contract/method.ts';
import type { EngineLink } from '../connection/engine-link.ts';
import { engineApi, type Reach } from './engine-api.ts';
import { linkChanged, linkSlice } from './link-state.ts';
import { patchProgress } from './progress.ts';

function makeStore(reach: Reach) {
  return configureStore({
    reducer: { [engineApi.reducerPath]: engineApi.reducer, link: linkSlice.reducer },
    middleware: (defaults) => defaults({ thunk: { extraArgument: reach } }).concat(engineApi.middleware),
    devTools: false,
  });
}
export type AppStore = ReturnType<typeof makeStore>;
export type AppState = ReturnType<AppStore['getState']>;
export type AppDispatch = AppStore['dispatch'];

/** The page's store over a link: notices drop what they name, progress is written into what is shown. */
export function createStore(link: EngineLink): AppStore {
  const store = makeStore({ link });
  link.onNotice((notice) => {
    if (notice.progress !== undefined) store.dispatch(patchProgress(notice.progress));
    if (notice.topic !== 'progress') store.dispatch(engineApi.util.invalidateTags([notice.topic]));
  });
  link.onState((state) => {
    store.dispatch(linkChanged(state));
    // Notices were missed while the line was down: everything shown is asked for again.
    if (state.kind === 'open') store.dispatch(engineApi.util.invalidateTags([...topics]));
  });
  return store;
}

export const useAppDispatch = useDispatch.withTypes<AppDispatch>();
export const useAppSelector = useSelector.withTypes<AppState>();
