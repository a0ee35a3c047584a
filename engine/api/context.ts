import { AppError } from '../../shared/errors.ts';
import type { Role } from '../../shared/model/user.ts';
import type { EngineCore } from '../core.ts';

/** Who is calling; null before sign-in. */
export interface Principal {
  user: { id: number; name: string; role: Role };
  token: string;
  /** Epoch ms. */
  expiresAt: number;
}

/** One console's or CLI's connection. */
export interface Caller {
  principal: Principal | null;
  /** For the rate limit: an IP address, or `desktop`. */
  readonly address: string;
}

/** What an api function works with besides its parameters. */
export interface ApiContext {
  readonly core: EngineCore;
  readonly sessions: SessionsApi;
  readonly caller: Caller;
}

/** Signing in and out, implemented by api/sessions.ts. */
export interface SessionsApi {
  needsFirstPassword(): Promise<boolean>;
  signIn(user: string, password: string, address: string): Promise<SignedIn>;
  setFirstPassword(token: string, password: string): Promise<SignedIn>;
  findPrincipal(token: string): Promise<Principal | null>;
  /** False once it has expired or was signed out, on whatever connection. */
  isLive(principal: Principal): boolean;
  signOut(token: string): Promise<void>;
}

export interface SignedIn {
  principal: Principal;
  expiresAt: number;
}

/** Name of the user for records. @throws AppError notSignedIn */
export function userName(context: ApiContext): string {
  if (context.caller.principal === null) throw new AppError('notSignedIn', 'sign in first');
  return context.caller.principal.user.name;
}
