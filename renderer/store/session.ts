import type { ThunkAction, UnknownAction } from '@reduxjs/toolkit';
import { useCallback } from 'react';
import { rightsOfRole, type Right } from '../../shared/model/user.ts';
import { toWireError } from '../../shared/errors.ts';
import { dropSession, keepSession } from '../connection/session-cookie.ts';
import { isBrowser } from '../connection/dial.ts';
import type { EngineLink } from '../connection/engine-link.ts';
import { engineApi, type Reach } from './engine-api.ts';
import type { AppState } from './store.ts';
import type { Outcome } from './use-command.ts';
import { useEngine } from './use-engine.ts';

type SessionThunk = ThunkAction<Promise<Outcome<void>>, AppState, Reach, UnknownAction>;

/** Runs one of the two ways in, keeps the session, and lets everything be asked for again under it. */
function enter(way: (link: EngineLink) => Promise<{ token: string }>): SessionThunk {
  return async (dispatch, _getState, { link }) => {
    try {
      const { token } = await way(link);
      await keepSession(token);
      // The socket was opened without the cookie; a new one carries it, so that it survives a lost line.
      if (isBrowser()) link.connect();
      else dispatch(engineApi.util.invalidateTags(['session']));
      return { ok: true, value: undefined };
    } catch (error) {
      return { ok: false, error: toWireError(error) };
    }
  };
}

/** Signs in by name and password. */
export function signIn(user: string, password: string): SessionThunk {
  return enter((link) => link.call('session.signIn', { user, password }));
}

/** Sets the administrator's password by the single-use token and signs in as him. */
export function setFirstPassword(token: string, password: string): SessionThunk {
  return enter((link) => link.call('session.setFirstPassword', { token, password }));
}

/** Ends the session here and at the engine; nothing that was read stays in memory. */
export function signOut(): SessionThunk {
  return async (dispatch, _getState, { link }) => {
    try {
      await link.call('session.signOut', {});
      await dropSession();
      dispatch(engineApi.util.resetApiState());
      if (isBrowser()) link.connect();
      return { ok: true, value: undefined };
    } catch (error) {
      return { ok: false, error: toWireError(error) };
    }
  };
}

/** Who is signed in; undefined before the engine has answered. */
export function useSession() {
  return useEngine('session.get', {});
}

/** A test whether the signed-in user has a right. */
export function useRights(): (right: Right) => boolean {
  const role = useSession().data?.user?.role;
  return useCallback((right: Right) => role !== undefined && rightsOfRole[role].includes(right), [role]);
}
