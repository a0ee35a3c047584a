import { randomUUID } from 'node:crypto';
import { AppError } from '../../shared/errors.ts';
import type { Selectable } from 'kysely';
import type { Database } from './open.ts';
import type { Tables } from './tables.ts';

export type ClientRow = Selectable<Tables['clients']>;
/** What an administrator decided about a client. */
export type Decision = 'unauthorized' | 'authorized' | 'removed';

export async function listClients(db: Database): Promise<ClientRow[]> {
  return db.selectFrom('clients').selectAll().orderBy('name').orderBy('id').execute();
}

/** @throws AppError notFound */
export async function getClient(db: Database, id: number): Promise<ClientRow> {
  const row = await db.selectFrom('clients').selectAll().where('id', '=', id).executeTakeFirst();
  if (row === undefined) throw new AppError('notFound', `client ${id} does not exist`);
  return row;
}

export async function findClientByHwid(db: Database, hwid: string): Promise<ClientRow | undefined> {
  return db.selectFrom('clients').selectAll().where('hwid', '=', hwid).executeTakeFirst();
}

export async function countUnauthorized(db: Database): Promise<number> {
  const row = await db
    .selectFrom('clients')
    .select((s) => s.fn.countAll<number>().as('n'))
    .where('decision', '=', 'unauthorized')
    .executeTakeFirstOrThrow();
  return Number(row.n);
}

/** What a hello says about its sender. */
export interface Introduction {
  hwid: string;
  name: string;
  fingerprint: string;
  signKey: string;
  contract: number;
  version: string;
  system: string;
  address: string;
}

/** What every hello writes anew. */
export function introductionColumns(hello: Introduction) {
  return {
    name: hello.name,
    sign_key: hello.signKey,
    contract: hello.contract,
    version: hello.version,
    system: hello.system,
    address: hello.address,
    last_seen_at: Date.now(),
  };
}

export async function insertClient(db: Database, hello: Introduction, local: boolean): Promise<ClientRow> {
  const now = Date.now();
  return db
    .insertInto('clients')
    .values({
      ...introductionColumns(hello),
      uuid: randomUUID(),
      hwid: hello.hwid,
      fingerprint: hello.fingerprint,
      description: '',
      decision: local ? 'authorized' : 'unauthorized',
      local: local ? 1 : 0,
      first_seen_at: now,
      decided_at: local ? now : null,
      decided_by: local ? 'engine' : null,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
}

/** Writes what a known client says about itself now; fingerprint and HWID never change. */
export async function updateIntroduction(db: Database, id: number, hello: Introduction): Promise<void> {
  await db
    .updateTable('clients')
    .set({ ...introductionColumns(hello), last_error: null })
    .where('id', '=', id)
    .execute();
}

export async function decideClient(db: Database, id: number, decision: Decision, by: string): Promise<void> {
  await db
    .updateTable('clients')
    .set({ decision, decided_at: Date.now(), decided_by: by, last_error: null })
    .where('id', '=', id)
    .execute();
}

export async function describeClient(db: Database, id: number, description: string): Promise<void> {
  await db.updateTable('clients').set({ description }).where('id', '=', id).execute();
}

export async function noteClientError(db: Database, id: number, message: string): Promise<void> {
  await db.updateTable('clients').set({ last_error: message }).where('id', '=', id).execute();
}

export async function noteClientSeen(db: Database, id: number): Promise<void> {
  await db.updateTable('clients').set({ last_seen_at: Date.now() }).where('id', '=', id).execute();
}
