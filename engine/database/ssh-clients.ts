import { randomUUID } from 'node:crypto';
import { AppError } from '../../shared/errors.ts';
import { type SshAddress, sshAddressSchema, sshLocation } from '../../shared/model/ssh.ts';
import type { Secret } from '../../shared/schema.ts';
import { type ClientRow, findClientByHwid, type Introduction, introductionColumns } from './clients.ts';
import type { Database } from './open.ts';
import { deleteSecrets, getSecret, saveSecret } from './secrets.ts';

/** Owner of a client's private key. */
function keyOwner(clientId: number): string {
  return `client:${clientId}`;
}
const keyName = 'sshKey';

/** Makes the ciphertext of a secret for an owner, and opens it again. */
export interface Seals {
  seal(secret: Secret, owner: string): string;
  open(sealed: string, owner: string): Secret;
}

/** Where an SSH client is dialled; null for one that dials us. */
export function sshAddressOf(row: ClientRow): SshAddress | null {
  return row.ssh === null ? null : sshAddressSchema.parse(JSON.parse(row.ssh));
}

/** Clients that the engine dials. */
export async function listSshClientIds(db: Database): Promise<number[]> {
  const rows = await db
    .selectFrom('clients')
    .select('id')
    .where('transport', '=', 'ssh')
    .where('decision', '=', 'authorized')
    .orderBy('id')
    .execute();
  return rows.map(({ id }) => id);
}

/** @throws AppError notFound */
export async function getSshKey(db: Database, clientId: number, seals: Seals): Promise<Secret> {
  const owner = keyOwner(clientId);
  return seals.open(await getSecret(db, owner, keyName), owner);
}

/** @throws AppError nameTaken when a client that was not removed has this name */
export async function assertClientNameFree(db: Database, name: string): Promise<void> {
  const row = await db
    .selectFrom('clients')
    .select('id')
    .where('name', '=', name)
    .where('decision', '!=', 'removed')
    .executeTakeFirst();
  if (row !== undefined) throw new AppError('nameTaken', `a client named "${name}" exists already`, { field: 'name' });
}

export interface NewSshClient {
  address: SshAddress;
  privateKey: Secret;
  /** Who adds and thereby authorizes it. */
  by: string;
}

/**
 * A client over SSH, authorized, with its key, in one transaction. One that was removed or never authorized comes back
 * under its number: its keys are pinned already.
 * @param hello with the name that the operator gave
 * @throws AppError nameTaken when the agent is an authorized client, certificateMismatch when its keys are others
 */
export async function insertSshClient(
  db: Database,
  hello: Introduction,
  { address, privateKey, by }: NewSshClient,
  seals: Seals,
): Promise<ClientRow> {
  const now = Date.now();
  const columns = {
    ...introductionColumns({ ...hello, address: sshLocation(address) }),
    transport: 'ssh',
    ssh: JSON.stringify(address),
    decision: 'authorized',
    decided_at: now,
    decided_by: by,
    last_error: null,
  };
  return db.transaction().execute(async (transaction) => {
    const known = await findClientByHwid(transaction, hello.hwid);
    if (known !== undefined) assertMayComeBack(known, hello);
    const { hwid, fingerprint } = hello;
    const client =
      known === undefined
        ? await transaction
            .insertInto('clients')
            .values({ ...columns, uuid: randomUUID(), hwid, fingerprint, description: '', first_seen_at: now })
            .returningAll()
            .executeTakeFirstOrThrow()
        : await transaction
            .updateTable('clients')
            .set(columns)
            .where('id', '=', known.id)
            .returningAll()
            .executeTakeFirstOrThrow();
    const owner = keyOwner(client.id);
    await saveSecret(transaction, owner, keyName, seals.seal(privateKey, owner));
    return client;
  });
}

function assertMayComeBack(known: ClientRow, hello: Introduction): void {
  if (known.decision === 'authorized')
    throw new AppError('nameTaken', `this agent is the client "${known.name}" (${known.id}) already`, {
      hint: 'Remove that client first if its address has changed.',
    });
  if (known.sign_key !== hello.signKey || known.fingerprint !== hello.fingerprint)
    throw new AppError('certificateMismatch', `HWID ${hello.hwid} is known with other keys, as "${known.name}"`);
}

/** Takes back {@link insertSshClient} of a client that did not stay. @param before its row until then */
export async function forgetSshClient(db: Database, id: number, before: ClientRow | undefined): Promise<void> {
  if (before?.transport !== 'ssh') await deleteSecrets(db, keyOwner(id));
  if (before === undefined) await db.deleteFrom('clients').where('id', '=', id).execute();
  else await db.updateTable('clients').set(before).where('id', '=', id).execute();
}

/** A client that dials us itself now: what was known for dialling it is forgotten. */
export async function becomeDialler(db: Database, id: number): Promise<void> {
  await deleteSecrets(db, keyOwner(id));
  await db.updateTable('clients').set({ transport: 'websocket', ssh: null }).where('id', '=', id).execute();
}
