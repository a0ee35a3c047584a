import { createSlice, type PayloadAction } from '@reduxjs/toolkit';
import type { LinkState } from '../connection/engine-link.ts';

const initialState = { kind: 'connecting' } as LinkState;

/** Mirror of the link's state, for the status strip and the stale line. */
export const linkSlice = createSlice({
  name: 'link',
  initialState,
  reducers: { linkChanged: (_state, action: PayloadAction<LinkState>) => action.payload },
});
export const { linkChanged } = linkSlice.actions;
