import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { dispatchApi } from '../../engine/api/all.ts';
import type { ApiContext } from '../../engine/api/context.ts';
import { fitsPassword, hashPassword } from '../../engine/api/passwords.ts';
import { Sessions } from '../../engine/api/sessions.ts';
import { listLogs } from '../../engine/database/logs.ts';
import { insertUser } from '../../engine/database/users.ts';
import { engineContract } from '../../shared/contract/engine/all.ts';
import { hasCode } from '../../shared/errors.ts';
import { rightsOfRole, type Role } from '../../shared/model/user.ts';
import { engineParts, type EngineParts } from '../helpers/engine-parts.ts';

const password = 'correct horse battery';
let parts: EngineParts;
let sessions: Sessions;

beforeEach(async () => {
  parts = await engineParts();
  sessions = new Sessions(parts.db);
});
afterEach(() => vi.useRealTimers());

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'ok',
    (error: unknown) =>
      hasCode(error, 'wrongCredentials') ? 'wrong' : hasCode(error, 'rateLimited') ? 'limited' : 'other',
  );
}

test('passwords are stored salted, and fit whatever way Unicode spells them', async () => {
  const hash = await hashPassword('pässwört');
  expect(hash).not.toContain('pässwört');
  expect(await hashPassword('pässwört')).not.toBe(hash);
  expect(await fitsPassword(hash, 'pa\u0308sswo\u0308rt')).toBe(true);
  expect(await fitsPassword(hash, 'passwort')).toBe(false);
  for (const broken of ['', 'scrypt', 'plain$pässwört', 'scrypt$1$1$1$$'])
    expect(await fitsPassword(broken, 'pässwört')).toBe(false);
});

describe('signing in', () => {
  beforeEach(() => sessions.createAdministrator(password));

  test('opens a session that its token finds, until it is signed out', async () => {
    const { principal, expiresAt } = await sessions.signIn('admin', password, '::1');
    expect(expiresAt).toBeGreaterThan(Date.now());
    expect(await sessions.findPrincipal(principal.token)).toMatchObject({ user: { name: 'admin', role: 'owner' } });
    await sessions.signOut(principal.token);
    expect(await sessions.findPrincipal(principal.token)).toBeNull();
  });

  test('tokens are not in the database', async () => {
    const { principal } = await sessions.signIn('admin', password, '::1');
    const rows = await parts.db.selectFrom('sessions').selectAll().execute();
    expect(JSON.stringify(rows)).not.toContain(principal.token);
    expect(await sessions.findPrincipal(rows[0]?.token_hash ?? '')).toBeNull();
  });

  test('a session ends after seven days', async () => {
    const { principal } = await sessions.signIn('admin', password, '::1');
    vi.useFakeTimers({ toFake: ['Date'] });
    vi.setSystemTime(Date.now() + 7 * 24 * 3600 * 1000 - 5000);
    expect(await sessions.findPrincipal(principal.token)).not.toBeNull();
    vi.setSystemTime(Date.now() + 10_000);
    expect(await sessions.findPrincipal(principal.token)).toBeNull();
  });

  test('a wrong name and a wrong password get the same answer, and a line in the log', async () => {
    const answers = await Promise.all(
      [sessions.signIn('admin', 'wrong', '::1'), sessions.signIn('nobody', password, '::1')].map((attempt) =>
        attempt.catch((error: unknown) => String(error)),
      ),
    );
    expect(answers[0]).toBe(answers[1]);
    const { rows } = await listLogs(parts.db, { level: ['warning'], limit: 10, offset: 0 });
    expect(rows.map((row) => row.code)).toEqual(['wrongCredentials', 'wrongCredentials']);
    expect(JSON.stringify(rows)).not.toContain(password);
  });

  test('five failures make an address wait, and no other', async () => {
    for (let attempt = 0; attempt < 5; attempt++)
      expect(await codeOf(sessions.signIn('admin', 'wrong', '10.0.0.1'))).toBe('wrong');
    expect(await codeOf(sessions.signIn('admin', password, '10.0.0.1'))).toBe('limited');
    expect(await codeOf(sessions.signIn('admin', password, '10.0.0.2'))).toBe('ok');
    vi.useFakeTimers({ toFake: ['Date'] });
    vi.setSystemTime(Date.now() + 5 * 60 * 1000 + 1);
    expect(await codeOf(sessions.signIn('admin', password, '10.0.0.1'))).toBe('ok');
  });

  test('many guesses at once are counted like many in a row', async () => {
    const guesses = Array.from({ length: 20 }, (_, n) => codeOf(sessions.signIn('admin', `guess ${n}`, '10.0.0.1')));
    const outcomes = await Promise.all(guesses);
    expect(outcomes.filter((outcome) => outcome === 'wrong')).toHaveLength(5);
    expect(outcomes.filter((outcome) => outcome === 'limited')).toHaveLength(15);
  });
});

describe('the first password', () => {
  test('is set with the token, once', async () => {
    const token = sessions.issueFirstToken();
    expect(await codeOf(sessions.setFirstPassword(`${token.slice(1)}x`, password))).toBe('wrong');
    expect((await sessions.setFirstPassword(token, password)).principal.user).toMatchObject({ role: 'owner' });
    expect(await codeOf(sessions.setFirstPassword(token, 'another password'))).toBe('wrong');
    expect(await codeOf(sessions.signIn('admin', password, '::1'))).toBe('ok');
  });

  test('is set once also by two at the same moment', async () => {
    const token = sessions.issueFirstToken();
    const outcomes = await Promise.all([1, 2].map((n) => codeOf(sessions.setFirstPassword(token, `${password}${n}`))));
    expect(outcomes.sort()).toEqual(['ok', 'wrong']);
  });

  test('cannot be set without a token', async () => {
    expect(await codeOf(sessions.setFirstPassword('', password))).toBe('wrong');
  });
});

describe('rights', () => {
  const control = { signal: new AbortController().signal, progress: () => undefined };

  async function contextOf(role: Role | null): Promise<ApiContext> {
    const core = { ...parts };
    if (role === null) return { core, sessions, caller: { principal: null, address: '::1' } };
    const user = await insertUser(parts.db, { name: role, role, passwordHash: '' });
    return {
      core,
      sessions,
      caller: { principal: { user, token: 'token', expiresAt: Date.now() + 60_000 }, address: '::1' },
    };
  }

  test('an open connection ends with its session, wherever that was signed out', async () => {
    await sessions.createAdministrator(password);
    const { principal } = await sessions.signIn('admin', password, '::1');
    const [here, there]: ApiContext[] = ['::1', '::2'].map((address) => ({
      core: { ...parts },
      sessions,
      caller: { principal: { ...principal }, address },
    }));
    if (here === undefined || there === undefined) throw new Error('two connections');
    await dispatchApi('clients.list', {}, there, control);
    await dispatchApi('session.signOut', {}, here, control);
    await expect(dispatchApi('clients.list', {}, there, control)).rejects.toMatchObject({ code: 'notSignedIn' });

    const late = await sessions.signIn('admin', password, '::1');
    const expired = { ...late.principal, expiresAt: Date.now() - 1 };
    const context = { core: { ...parts }, sessions, caller: { principal: expired, address: '::1' } };
    await expect(dispatchApi('clients.list', {}, context, control)).rejects.toMatchObject({ code: 'notSignedIn' });
  });

  test('before sign-in only what needs no right is answered', async () => {
    const context = await contextOf(null);
    for (const [name, method] of Object.entries(engineContract).filter(([, each]) => each.right !== 'none'))
      await expect(dispatchApi(name, {}, context, control), `${name} ${method.right}`).rejects.toMatchObject({
        code: 'notSignedIn',
      });
    expect(await dispatchApi('session.get', {}, context, control)).toMatchObject({ user: null });
  });

  test.each(['owner', 'operator', 'restorer', 'auditor', 'viewer'] as const)(
    'a %s may what its role says',
    async (role) => {
      const context = await contextOf(role);
      // Parameters that fit nothing: what is admitted fails later, with another code, and does nothing.
      const refused: string[] = [];
      for (const name of Object.keys(engineContract)) {
        const error = await dispatchApi(name, 'nonsense', context, control).catch((thrown: unknown) => thrown);
        if (hasCode(error, 'noRight')) refused.push(name);
      }
      const wanted = Object.entries(engineContract).filter(([, { right }]) => !rightsOfRole[role].includes(right));
      expect(refused).toEqual(wanted.map(([name]) => name));
      expect(refused.length > 0).toBe(role !== 'owner');
    },
  );
});
