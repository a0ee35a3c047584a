import { AppError } from '../../shared/errors.ts';
import { isBrowser } from './dial.ts';

async function ask(method: 'POST' | 'DELETE', headers: Record<string, string>): Promise<void> {
  const answer = await fetch('/session', { method, headers, credentials: 'same-origin' });
  if (!answer.ok) throw new AppError('notSignedIn', `the engine did not keep the session (HTTP ${answer.status})`);
}

/**
 * Exchanges the token for an HttpOnly cookie, so that a reload stays signed in. In Electron the port itself is the session.
 * @throws AppError notSignedIn
 */
export async function keepSession(token: string): Promise<void> {
  if (isBrowser()) await ask('POST', { Authorization: `Bearer ${token}` });
}

/** Drops the cookie. @throws AppError notSignedIn */
export async function dropSession(): Promise<void> {
  if (isBrowser()) await ask('DELETE', {});
}
