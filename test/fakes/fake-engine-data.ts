import { randomUUID } from 'node:crypto';
import type { BackupView, RestoreDestination } from '../../shared/contract/engine/backups.ts';
import type { ClientView } from '../../shared/contract/engine/clients.ts';
import type { GroupView } from '../../shared/contract/engine/groups.ts';
import { noGroupId } from '../../shared/model/group.ts';
import type { LogEntry } from '../../shared/contract/engine/logs.ts';
import type { ObjectView } from '../../shared/contract/engine/objects.ts';
import type { PlatformView } from '../../shared/contract/engine/platforms.ts';
import type { Unanswered } from '../../shared/contract/engine/repositories.ts';
import type { PoolView } from '../../shared/contract/engine/pools.ts';
import type { RuleView } from '../../shared/contract/engine/rules.ts';
import type { TaskView } from '../../shared/contract/engine/tasks.ts';
import type { RepositoryKeyView } from '../../shared/model/maintenance.ts';

/** A client group; its clients and pools are looked up. */
export type FakeGroup = Omit<GroupView, 'clients' | 'pools'>;

/** Everything a fake engine knows, as the views of the contract. */
export interface FakeData {
  /** Where the last restore was told to write. */
  lastRestore?: RestoreDestination;
  clients: ClientView[];
  groups: FakeGroup[];
  platforms: PlatformView[];
  objects: ObjectView[];
  pools: PoolView[];
  rules: RuleView[];
  tasks: TaskView[];
  backups: BackupView[];
  logs: LogEntry[];
  /** Whose repositories got one more password; null = that of a pool. */
  keyClients: Array<string | null>;
  /** Credentials that edits of pools brought; null = as before. */
  credentials: Array<string | null>;
  /** Repositories that cannot be asked. */
  unanswered: Unanswered[];
  /** The passwords of every pool's repository: one set is enough. */
  keys: RepositoryKeyView[];
}

export const gib = 1024 ** 3;
export const minute = 60_000;
export const hex64 = '0123456789abcdef'.repeat(4);
const fingerprint = `SHA256:${Buffer.from(Array.from({ length: 32 }, (_, index) => (index * 37 + 11) % 256))
  .toString('base64')
  .replace(/=+$/u, '')}`;

export function emptyData(): FakeData {
  return {
    clients: [],
    groups: [{ id: noGroupId, uuid: randomUUID(), name: 'No group', description: '' }],
    platforms: [],
    objects: [],
    pools: [],
    rules: [],
    tasks: [],
    backups: [],
    logs: [],
    keys: [],
    keyClients: [],
    credentials: [],
    unanswered: [],
  };
}

export function fakeClient(id: number, name: string, change: Partial<ClientView> = {}): ClientView {
  const now = Date.now();
  return {
    id,
    uuid: randomUUID(),
    name,
    hwid: `${hex64.slice(id, id + 4)}-${hex64.slice(id + 5, id + 9)}-${hex64.slice(3, 7)}-e17b`,
    description: '',
    groupId: 1,
    group: 'No group',
    state: 'online',
    authorized: true,
    fingerprint,
    address: `10.20.4.${50 + id}`,
    transport: 'websocket',
    ssh: null,
    version: '0.1.0',
    system: 'Debian GNU/Linux 12, x64, 32 cores',
    local: false,
    firstSeenAt: now - 20 * 24 * 60 * minute,
    lastSeenAt: now - 2000,
    decidedAt: now - 19 * 24 * 60 * minute,
    decidedBy: 'admin',
    lastError: null,
    ...change,
  };
}

export function fakePlatform(
  id: number,
  name: string,
  clients: ClientView[],
  change: Partial<PlatformView> = {},
): PlatformView {
  return {
    id,
    uuid: randomUUID(),
    name,
    kind: 'libvirt',
    settings: { uri: 'qemu:///system', readPath: 'backup' },
    clients: clients.map((client) => ({ id: client.id, name: client.name, state: client.state })),
    objectCount: 0,
    inventoryAt: Date.now() - 5 * minute,
    lastError: null,
    ...change,
  };
}

export function fakeObject(
  id: number,
  name: string,
  platform: PlatformView,
  change: Partial<ObjectView> = {},
): ObjectView {
  const disks = [
    { id: 'vda', format: 'qcow2', sizeBytes: (20 + ((id * 37) % 400)) * gib },
    ...(id % 3 === 0 ? [{ id: 'vdb', format: 'raw', sizeBytes: 120 * gib }] : []),
  ];
  return {
    id,
    uuid: randomUUID(),
    name,
    state: 'running',
    guestAgent: 'connected',
    frozenSince: null,
    disks,
    platform: platform.name,
    platformId: platform.id,
    platformKind: platform.kind,
    clientIds: platform.clients.map((client) => client.id),
    stale: false,
    vanished: false,
    rules: [],
    backupCount: 0,
    lastBackupAt: null,
    lastTask: null,
    ...change,
  };
}

export function fakeRule(id: number, name: string, objects: ObjectView[], pool: PoolView): RuleView {
  const first = objects[0];
  const rule: RuleView = {
    id,
    uuid: randomUUID(),
    name,
    state: 'run',
    type: 'full',
    transform: null,
    quiesce: {
      freeze: true,
      requireConsistency: false,
      scriptBefore: null,
      scriptAfter: null,
      scriptTimeoutSeconds: 5,
    },
    platform: first?.platform ?? '',
    platformId: first?.platformId ?? 1,
    pool: pool.name,
    poolId: pool.id,
    client: null,
    clientId: null,
    zone: 'Europe/Moscow',
    createdAt: Date.now() - 24 * 60 * minute,
    members: objects.map((object) => ({
      objectId: object.id,
      uuid: object.uuid,
      name: object.name,
      state: 'idle',
      percent: null,
      taskId: null,
      lastState: null,
      lastEndedAt: null,
    })),
  };
  for (const object of objects) object.rules.push({ id, name });
  return rule;
}

export function fakeTask(id: number, object: ObjectView, change: Partial<TaskView> = {}): TaskView {
  const createdAt = Date.now() - 12 * minute;
  const done = change.state === 'done' || change.state === 'warning';
  const total = object.disks.reduce((sum, disk) => sum + disk.sizeBytes, 0);
  return {
    id,
    uuid: randomUUID(),
    kind: 'backup',
    mode: 'full',
    state: 'pending',
    clientId: object.clientIds[0] ?? null,
    client: 'bk-kvm-01',
    objectId: object.id,
    object: object.name,
    platform: object.platform,
    ruleId: object.rules[0]?.id ?? null,
    rule: object.rules[0]?.name ?? null,
    poolId: 1,
    pool: 'main',
    repository: { id: 1, place: '/srv/backups/main', client: null, group: null },
    backupId: null,
    startedBy: 'admin',
    createdAt,
    startedAt: null,
    endedAt: done ? createdAt + 4 * minute : null,
    waitingFor: null,
    attempt: 1,
    warnings: [],
    error: null,
    unseen: false,
    result: null,
    steps: [],
    step: null,
    percent: done ? 100 : null,
    bytesTotal: done ? total : null,
    bytesDone: done ? total : 0,
    bytesRead: done ? total : 0,
    bytesStored: done ? Math.round(total / 5) : 0,
    speedBytesPerSecond: null,
    secondsLeft: null,
    consistency: done ? 'filesystem' : null,
    frozenMilliseconds: done ? 84 : null,
    disks: object.disks.map((disk) => ({
      id: disk.id,
      mode: 'full' as const,
      reason: null,
      baseBackupId: null,
      plannedBytes: disk.sizeBytes,
      bytesRead: done ? disk.sizeBytes : 0,
      zeroBytes: 0,
      bytesStored: done ? Math.round(disk.sizeBytes / 5) : 0,
    })),
    ...change,
  };
}

export function fakeBackup(
  id: number,
  object: ObjectView,
  pool: PoolView,
  createdAt: number,
  change: Partial<BackupView> = {},
): BackupView {
  const sizeBytes = object.disks.reduce((sum, disk) => sum + disk.sizeBytes, 0);
  object.backupCount += 1;
  object.lastBackupAt = Math.max(object.lastBackupAt ?? 0, createdAt);
  pool.backupCount += 1;
  pool.storedBytes += Math.round(sizeBytes / 20);
  return {
    id,
    uuid: randomUUID(),
    refId: null,
    object: object.name,
    objectId: object.id,
    objectUuid: object.uuid,
    platform: object.platform,
    platformId: object.platformId,
    pool: pool.name,
    poolId: pool.id,
    rule: object.rules[0]?.name ?? null,
    client: 'bk-kvm-01',
    type: 'full',
    createdAt,
    zone: 'Europe/Moscow',
    sizeBytes,
    storedBytes: Math.round(sizeBytes / (14 + (id % 9))),
    consistency: 'filesystem',
    frozenMilliseconds: 84,
    transform: null,
    keyId: null,
    signed: true,
    verification: 'notVerified',
    verifiedAt: null,
    verifyErrors: [],
    state: 'available',
    snapshotId: hex64,
    disks: object.disks.map((disk) => ({ id: disk.id, sizeBytes: disk.sizeBytes, digest: hex64 })),
    ...change,
  };
}
