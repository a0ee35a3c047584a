import { randomUUID } from 'node:crypto';
import { quiesceSchema, writeOptionsSchema } from '../../shared/model/job.ts';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import '../../shared/node/rpc-runtime.ts';
import { createLogger } from '../../shared/node/log.ts';
import { Secret } from '../../shared/schema.ts';
import { AgentRegistry } from '../../engine/agents/registry.ts';
import { SshDialler } from '../../engine/agents/ssh/ssh-dialler.ts';
import { Changes } from '../../engine/changes.ts';
import type { EngineCore } from '../../engine/core.ts';
import { decideClient, insertClient } from '../../engine/database/clients.ts';
import { findObjectByUuid, saveInventory } from '../../engine/database/objects.ts';
import { type Database, openDatabase } from '../../engine/database/open.ts';
import { insertPlatform } from '../../engine/database/platforms.ts';
import { insertPool } from '../../engine/database/pools.ts';
import { saveRule } from '../../engine/database/rules.ts';
import type { TaskRow } from '../../engine/database/task-row.ts';
import type { NewTask } from '../../engine/database/tasks.ts';
import { Vault } from '../../engine/secrets.ts';
import { TaskQueue } from '../../engine/tasks/queue.ts';
import { temporaryFolder } from './temporary-folder.ts';

export const engineUuid = '0e0e0e0e-0000-4000-8000-000000000000';
export const resticId = 'ab'.repeat(32);
export const silentLog = createLogger('test', 'silent');

/** An engine without its doors: database, queue and registry in a folder of the test's own. */
export interface EngineParts extends EngineCore {
  folder: string;
  /** Ends this engine; another one may then open the folder. */
  stop(): Promise<void>;
}

/** @param folder of an earlier engine, to play its restart */
export async function engineParts(folder?: string): Promise<EngineParts> {
  const place = folder ?? (await temporaryFolder());
  const db = await openDatabase(join(place, 'holdfast.db'));
  const vault = await Vault.open(place);
  const [changes, registry, log] = [new Changes(), new AgentRegistry(), silentLog];
  const queue = new TaskQueue({ db, changes, registry, vault, log, engineUuid });
  const dialler = new SshDialler({ db, changes, registry, vault, log, engineUuid, events: queue });
  let isStopped = false;
  const stop = async () => {
    if (isStopped) return;
    isStopped = true;
    await dialler.stop();
    await registry.closeAll('the engine stops');
    await queue.stop();
    changes.stop();
    await db.destroy();
  };
  onTestFinished(stop);
  const shared = { db, changes, registry, vault, dialler, queue, log, engineUuid };
  const addresses = { url: null, agentUrl: '' };
  return { ...shared, startedAt: 0, embedded: false, fingerprint: '', addresses, folder: place, stop };
}

const hexGroup = (n: number) => n.toString(16).padStart(4, '0');

/** An authorized client. @returns its number */
export async function addClient(db: Database, name: string, n = 1): Promise<number> {
  const hello = { name, signKey: '', contract: 1, version: '0', system: 'test', address: '127.0.0.1' };
  const hwid = `0000-0000-0000-${hexGroup(n)}`;
  const { id } = await insertClient(db, { ...hello, hwid, fingerprint: `SHA256:${hwid}` }, false);
  await decideClient(db, id, 'authorized', 'test');
  return id;
}

export const platformPath = '/images';

export function objectUuid(n: number): string {
  return `0b0b0b0b-0000-4000-8000-${n.toString(16).padStart(12, '0')}`;
}

/** A platform with so many VMs, reached by the clients. */
export async function addPlatform(db: Database, clientIds: readonly number[], objects: number, name = 'images') {
  const platformId = await insertPlatform(db, {
    name,
    kind: 'image-directory',
    settings: { path: platformPath },
    clientIds,
  });
  const inventory = Array.from({ length: objects }, (_, n) => ({
    uuid: objectUuid(n),
    name: `vm${n}`,
    state: 'file' as const,
    guestAgent: 'none' as const,
    frozenSince: null,
    disks: [],
  }));
  await saveInventory(db, platformId, inventory);
  const objectIds: number[] = [];
  for (let n = 0; n < objects; n++) objectIds.push((await findObjectByUuid(db, platformId, objectUuid(n))) ?? 0);
  return { platformId, objectIds };
}

export async function addPool(
  { db, vault }: EngineParts,
  clientIds: readonly number[],
  name = 'pool',
  id = resticId,
): Promise<number> {
  const pool = {
    name,
    address: { kind: 'local' as const, path: `/backups/${name}` },
    clientIds,
    maintenanceClientId: null,
    repositoryPer: 'pool' as const,
    repositories: [
      { clientId: null, groupId: null, place: null, resticId: id, password: new Secret(`password of ${name}`) },
    ],
    freeBytes: null,
    totalBytes: null,
    write: writeOptionsSchema.parse({}),
  };
  const secrets = { password: new Secret(`password of ${name}`), credential: null };
  return insertPool(db, pool, secrets, (secret, owner) => vault.seal(secret, owner));
}

/** restic's ID of the repository of a client in {@link addClientPool}. */
export function resticIdOf(clientId: number): string {
  return clientId.toString(16).padStart(2, '0').repeat(32);
}

/** A pool with a repository for each client, at the place `of-<number>`. */
export async function addClientPool(
  { db, vault }: EngineParts,
  clientIds: readonly number[],
  maintenanceClientId: number | null = null,
): Promise<number> {
  const repositories = clientIds.map((clientId) => ({
    clientId,
    groupId: null,
    place: `of-${clientId}`,
    resticId: resticIdOf(clientId),
    password: new Secret(`password of ${clientId}`),
  }));
  const pool = {
    name: 'apart',
    address: { kind: 'local' as const, path: '/backups/apart' },
    clientIds,
    maintenanceClientId,
    repositoryPer: 'client' as const,
    repositories,
    freeBytes: null,
    totalBytes: null,
    write: writeOptionsSchema.parse({}),
  };
  const secrets = { password: new Secret('password of apart'), credential: null };
  return insertPool(db, pool, secrets, (secret, owner) => vault.seal(secret, owner));
}

export interface Seed {
  clientId: number;
  platformId: number;
  poolId: number;
  ruleId: number;
  objectIds: number[];
}

/** One client that reaches a platform with VMs and a pool, and a rule over the VMs. */
export async function seed(parts: EngineParts, objects = 1): Promise<Seed> {
  const clientId = await addClient(parts.db, 'host');
  const { platformId, objectIds } = await addPlatform(parts.db, [clientId], objects);
  const poolId = await addPool(parts, [clientId]);
  const quiesce = quiesceSchema.parse({});
  const fields = {
    name: 'nightly',
    type: 'full' as const,
    quiesce,
    transform: null,
    platformId,
    poolId,
    clientId: null,
    objectIds,
  };
  const ruleId = await saveRule(parts.db, fields, 'Europe/Berlin');
  return { clientId, platformId, poolId, ruleId, objectIds };
}

/** A full backup that a client is to run, as a new task. */
export function addFullBackup(
  { queue }: EngineParts,
  wanted: Pick<NewTask, 'poolId' | 'platformId' | 'objectId' | 'wantedClientId'>,
): Promise<TaskRow> {
  return queue.add({
    ...{ kind: 'backup', mode: 'full', priority: 0, ruleId: null, spec: {}, startedBy: 'admin' },
    ...wanted,
    backupUuid: randomUUID(),
  });
}
