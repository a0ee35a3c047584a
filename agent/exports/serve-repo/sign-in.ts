import { createHmac, randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { Slots } from '../../repository/slots.ts';
import { Attempts } from './attempts.ts';
import { fitsPassword, nobody, type PasswordHash } from './password-line.ts';
import { Refusal } from './refusal.ts';
import type { UsersFile } from './users-file.ts';

const wrongPerMinute = 10;
/** Checks at the same time: each costs a core. */
const checksAtOnce = 2;
const mostWaiting = 32;
const mostRemembered = 1000;

interface Login {
  user: string;
  password: string;
}

/**
 * Who asks, by HTTP Basic. Clients send the password with every request and checking it is slow on purpose, so one that
 * was right is remembered, as a keyed hash, until the user's line changes.
 */
export class SignIn {
  readonly #users: UsersFile;
  readonly #log: (line: string) => void;
  readonly #key = randomBytes(32);
  readonly #right = new Map<string, PasswordHash>();
  readonly #checking = new Map<string, Promise<boolean>>();
  readonly #attempts: Attempts;
  readonly #slots = new Slots(checksAtOnce);

  constructor(users: UsersFile, log: (line: string) => void, attempts = new Attempts(wrongPerMinute)) {
    this.#users = users;
    this.#log = log;
    this.#attempts = attempts;
  }

  /** @returns the user's name. @throws Refusal 401, 429, 503 */
  async user(request: IncomingMessage): Promise<string> {
    const login = loginOf(request.headers.authorization);
    if (login === undefined) throw unauthorized();
    const hash = await this.#users.find(login.user);
    const proof = createHmac('sha256', this.#key).update(`${login.user}:${login.password}`).digest('base64');
    if (hash !== undefined && this.#right.get(proof) === hash) return login.user;
    // The first requests of a client come together; they are one attempt.
    let checking = this.#checking.get(proof);
    if (checking === undefined) {
      checking = this.#check(login, hash, request.socket.remoteAddress ?? '');
      this.#checking.set(proof, checking);
      const done = () => this.#checking.delete(proof);
      checking.then(done, done);
    }
    if (!(await checking) || hash === undefined) throw unauthorized();
    this.#remember(proof, hash);
    return login.user;
  }

  async #check({ user, password }: Login, hash: PasswordHash | undefined, address: string): Promise<boolean> {
    const seconds = this.#attempts.waitSeconds(address);
    if (seconds > 0) throw new Refusal(429, 'too many wrong passwords', { 'Retry-After': String(seconds) });
    if (this.#checking.size > mostWaiting) throw new Refusal(503, 'too many sign-ins at once', { 'Retry-After': '5' });
    const forgive = this.#attempts.start(address);
    await this.#slots.acquire();
    try {
      // An unknown user costs the same time as a wrong password.
      if ((await fitsPassword(password, hash ?? nobody)) && hash !== undefined) {
        forgive();
        return true;
      }
    } finally {
      this.#slots.release();
    }
    this.#log(`wrong password or user ${JSON.stringify(user.slice(0, 64))} from ${address}`);
    return false;
  }

  #remember(proof: string, hash: PasswordHash): void {
    this.#right.set(proof, hash);
    for (const oldest of this.#right.keys()) {
      if (this.#right.size <= mostRemembered) break;
      this.#right.delete(oldest);
    }
  }
}

function loginOf(header: string | undefined): Login | undefined {
  const encoded = /^basic +([A-Za-z0-9+/]{1,1024}={0,2})$/iu.exec(header ?? '')?.[1];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const at = text.indexOf(':');
  return at === -1 ? undefined : { user: text.slice(0, at), password: text.slice(at + 1) };
}

function unauthorized(): Refusal {
  return new Refusal(401, 'user or password is wrong', {
    'WWW-Authenticate': 'Basic realm="repositories", charset="UTF-8"',
  });
}
