import { createHash } from 'node:crypto';
import { type Role, roleSchema } from '../../shared/model/user.ts';
import type { Database } from './open.ts';

export interface User {
  id: number;
  name: string;
  role: Role;
  passwordHash: string;
}

export async function countUsers(db: Database): Promise<number> {
  const row = await db
    .selectFrom('users')
    .select((s) => s.fn.countAll<number>().as('n'))
    .executeTakeFirstOrThrow();
  return Number(row.n);
}

export async function findUser(db: Database, name: string): Promise<User | undefined> {
  const row = await db.selectFrom('users').selectAll().where('name', '=', name).executeTakeFirst();
  return row && { id: row.id, name: row.name, role: roleSchema.parse(row.role), passwordHash: row.password_hash };
}

export async function insertUser(db: Database, user: Omit<User, 'id'>): Promise<User> {
  const { id } = await db
    .insertInto('users')
    .values({ name: user.name, role: user.role, password_hash: user.passwordHash, created_at: Date.now() })
    .returning('id')
    .executeTakeFirstOrThrow();
  return { id, ...user };
}

/** Sessions are stored hashed: whoever reads the database cannot use them (DETAILS 19). */
function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

export async function insertSession(db: Database, token: string, userId: number, expiresAt: number): Promise<void> {
  const now = Date.now();
  await db.deleteFrom('sessions').where('expires_at', '<', now).execute();
  await db
    .insertInto('sessions')
    .values({ token_hash: hashToken(token), user_id: userId, created_at: now, expires_at: expiresAt })
    .execute();
}

/** A living session and its user. */
export async function findSession(db: Database, token: string): Promise<{ user: User; expiresAt: number } | undefined> {
  const row = await db
    .selectFrom('sessions')
    .innerJoin('users', 'users.id', 'sessions.user_id')
    .select(['users.id', 'users.name', 'users.role', 'users.password_hash', 'sessions.expires_at'])
    .where('sessions.token_hash', '=', hashToken(token))
    .where('sessions.expires_at', '>', Date.now())
    .executeTakeFirst();
  if (row === undefined) return undefined;
  const user = { id: row.id, name: row.name, role: roleSchema.parse(row.role), passwordHash: row.password_hash };
  return { user, expiresAt: row.expires_at };
}

export async function deleteSession(db: Database, token: string): Promise<void> {
  await db.deleteFrom('sessions').where('token_hash', '=', hashToken(token)).execute();
}
