import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { AppError } from '../../shared/errors.ts';
import { insertLog } from '../database/logs.ts';
import type { Database } from '../database/open.ts';
import {
  countUsers,
  deleteSession,
  findSession,
  findUser,
  insertSession,
  insertUser,
  type User,
} from '../database/users.ts';
import type { Principal, SessionsApi, SignedIn } from './context.ts';
import { fitsPassword, hashPassword } from './passwords.ts';

const sessionMs = 7 * 24 * 3600 * 1000;
/** After this many failures from one address within the window, it waits. */
const maxFailures = 5;
const windowMs = 5 * 60 * 1000;

/** Users' sessions (DESIGN §4, DETAILS 19): scrypt, rate limit, tokens stored hashed. */
export class Sessions implements SessionsApi {
  private readonly db: Database;
  private readonly failures = new Map<string, number[]>();
  /** Other connections of the same session must not outlive it. */
  private readonly signedOut = new Set<string>();
  #firstToken: string | undefined;

  constructor(db: Database) {
    this.db = db;
  }

  async needsFirstPassword(): Promise<boolean> {
    return (await countUsers(this.db)) === 0;
  }

  /** Makes the single-use token that only lets its bearer set the first password. */
  issueFirstToken(): string {
    this.#firstToken = randomBytes(32).toString('base64url');
    return this.#firstToken;
  }

  /** @throws AppError wrongCredentials, rateLimited */
  async signIn(name: string, password: string, address: string): Promise<SignedIn> {
    this.refuseTooMany(address);
    // Counted before it is checked: many at once must not pass together.
    const at = Date.now();
    this.failures.set(address, [...(this.failures.get(address) ?? []), at]);
    const user = await findUser(this.db, name);
    // An unknown name costs the same time as a wrong password.
    const fits = await fitsPassword(user?.passwordHash ?? dummyHash, password);
    if (user === undefined || !fits) {
      await insertLog(this.db, {
        level: 'warning',
        source: 'security',
        code: 'wrongCredentials',
        message: `sign-in of "${name.slice(0, 100)}" from ${address} failed`,
      });
      throw new AppError('wrongCredentials', 'user or password is wrong');
    }
    this.failures.delete(address);
    return this.open(user);
  }

  /** @throws AppError wrongCredentials when the token is not (or no longer) the issued one */
  async setFirstPassword(token: string, password: string): Promise<SignedIn> {
    if (!(await this.needsFirstPassword()))
      throw new AppError('wrongCredentials', 'the first password was set already');
    if (this.#firstToken === undefined || !sameText(token, this.#firstToken)) {
      throw new AppError('wrongCredentials', 'this link was used already or belongs to another start of Holdfast');
    }
    this.#firstToken = undefined;
    return this.open(await this.createAdministrator(password));
  }

  /** The first user, `admin`; used by the first sign-in and by `serve --admin-password-file`. */
  async createAdministrator(password: string): Promise<User> {
    return insertUser(this.db, { name: 'admin', role: 'owner', passwordHash: await hashPassword(password) });
  }

  async findPrincipal(token: string): Promise<Principal | null> {
    const session = await findSession(this.db, token);
    return session === undefined ? null : { ...session, token };
  }

  isLive(principal: Principal): boolean {
    return principal.expiresAt > Date.now() && !this.signedOut.has(principal.token);
  }

  async signOut(token: string): Promise<void> {
    this.signedOut.add(token);
    await deleteSession(this.db, token);
  }

  private async open(user: User): Promise<SignedIn> {
    const token = randomBytes(32).toString('base64url');
    const expiresAt = Date.now() + sessionMs;
    await insertSession(this.db, token, user.id, expiresAt);
    await insertLog(this.db, { level: 'info', source: 'security', message: `${user.name} signed in`, user: user.name });
    return { principal: { user, token, expiresAt }, expiresAt };
  }

  private refuseTooMany(address: string): void {
    const recent = (this.failures.get(address) ?? []).filter((at) => Date.now() - at < windowMs);
    if (recent.length === 0) this.failures.delete(address);
    else this.failures.set(address, recent);
    if (recent.length < maxFailures) return;
    const seconds = Math.ceil(((recent[recent.length - maxFailures] ?? 0) + windowMs - Date.now()) / 1000);
    throw new AppError('rateLimited', `too many failed sign-ins; try again in ${seconds} s`);
  }
}

const dummyHash = `scrypt$32768$8$1$${Buffer.alloc(16).toString('base64')}$${Buffer.alloc(32).toString('base64')}`;

function sameText(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
