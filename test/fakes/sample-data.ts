import type { ClientView } from '../../shared/contract/engine/clients.ts';
import type { LogEntry } from '../../shared/contract/engine/logs.ts';
import type { ObjectView } from '../../shared/contract/engine/objects.ts';
import type { PlatformView } from '../../shared/contract/engine/platforms.ts';
import type { PoolView } from '../../shared/contract/engine/pools.ts';
import type { TaskView } from '../../shared/contract/engine/tasks.ts';
import {
  type FakeData,
  fakeBackup,
  fakeClient,
  fakeObject,
  fakePlatform,
  fakeRule,
  fakeTask,
  gib,
  minute,
} from './fake-engine-data.ts';
import { fakeGroup, fakeMaintenance } from './fake-pools.ts';
import { samplePools } from './sample-pools.ts';

function runningTask(id: number, object: ObjectView, percent: number): TaskView {
  const total = object.disks.reduce((sum, disk) => sum + disk.sizeBytes, 0);
  const startedAt = Date.now() - 6 * minute;
  const done = Math.round((total * percent) / 100);
  const at = (from: number, to: number | null) => ({
    startedAt: startedAt + from * 1000,
    endedAt: to === null ? null : startedAt + to * 1000,
  });
  object.lastTask = { id, state: 'running', percent };
  return fakeTask(id, object, {
    state: 'running',
    mode: 'incremental',
    step: 'copyingData',
    percent,
    startedAt,
    bytesTotal: total,
    bytesDone: done,
    bytesRead: done,
    bytesStored: Math.round(done / 4),
    speedBytesPerSecond: 523 * 1024 ** 2,
    secondsLeft: 129,
    steps: [
      { step: 'preparing', ...at(0, 2) },
      { step: 'configuration', ...at(2, 3) },
      { step: 'queryingChanges', ...at(3, 9) },
      { step: 'checkingData', ...at(9, 10) },
      { step: 'copyingData', ...at(10, null) },
    ],
    disks: object.disks.map((disk, index) => ({
      id: disk.id,
      mode: index === 0 ? 'incremental' : 'full',
      reason: index === 0 ? null : 'formatWithoutBitmap',
      baseBackupId: index === 0 ? 9201 : null,
      plannedBytes: disk.sizeBytes,
      bytesRead: Math.round((disk.sizeBytes * Math.min(100, percent + (index === 0 ? 30 : -20))) / 100),
      zeroBytes: 0,
      bytesStored: Math.round(disk.sizeBytes / 9),
    })),
  });
}

function failedTask(id: number, object: ObjectView): TaskView {
  object.lastTask = { id, state: 'failed', percent: null };
  const startedAt = Date.now() - 70 * minute;
  return fakeTask(id, object, {
    state: 'failed',
    step: 'copyingData',
    startedAt,
    endedAt: startedAt + 31_000,
    unseen: true,
    percent: 12,
    bytesDone: 3 * gib,
    bytesTotal: 40 * gib,
    bytesRead: 3 * gib,
    steps: [
      { step: 'preparing', startedAt, endedAt: startedAt + 2000 },
      { step: 'configuration', startedAt: startedAt + 2000, endedAt: startedAt + 3000 },
      { step: 'copyingData', startedAt: startedAt + 3000, endedAt: null },
    ],
    error: {
      code: 'storageFull',
      message: 'cannot write /srv/backups/main/data/3f/3f9a…: no space left on device',
      cause: 'ENOSPC: no space left on device, write',
      hint: 'The file system of /srv/backups/main has 0 bytes free.',
    },
  });
}

const names = [
  'erp-app-01',
  'erp-app-02',
  'erp-db-01',
  'hr-portal',
  'crm-app-01',
  'crm-db-01',
  'mail-store-1',
  'ad-dc-01',
  'ad-dc-02',
  'print-01',
  'updates-01',
  'archive-nfs-01',
  'monitor-01',
  'worker-01',
  'worker-02',
  'worker-03',
  'ci-runner-04',
  'db-orders-01',
  'db-orders-02',
  'db-billing-01',
  'web-front-01',
  'web-front-02',
  'Бухгалтерия-2',
  'Зарплата-кадры',
  'Файловый-сервер',
  'СЭД-Документооборот',
  '财务数据库',
  '邮件服务器',
  '生产执行系统',
];

function sampleLogs(tasks: TaskView[]): LogEntry[] {
  const failed = tasks.find((task) => task.state === 'failed');
  const entry = (id: number, change: Partial<LogEntry>): LogEntry => ({
    id,
    at: Date.now() - id * 3 * minute,
    level: 'info',
    source: 'engine',
    code: null,
    message: '',
    user: null,
    taskId: null,
    clientId: null,
    client: null,
    ...change,
  });
  return [
    entry(1, { message: 'admin signed in', source: 'security', user: 'admin' }),
    entry(2, {
      level: 'error',
      source: 'task',
      code: 'storageFull',
      message: failed?.error?.message ?? '',
      taskId: failed?.id ?? null,
      clientId: 1,
      client: 'bk-kvm-01',
    }),
    entry(3, {
      level: 'warning',
      source: 'agent',
      code: 'clientOffline',
      message: 'client bk-kvm-03 went offline: no heartbeat for 15 s',
      clientId: 3,
      client: 'bk-kvm-03',
    }),
    entry(4, { message: 'rule "ERP production" was started: 3 tasks', user: 'admin' }),
    entry(5, { message: 'client node-ekb-02 said hello and waits for authorization', source: 'security' }),
    entry(6, { message: 'platform "dc1-kvm" was added', user: 'admin' }),
    entry(7, { message: 'pool "main" was added', user: 'admin' }),
  ];
}

/** A console's worth of data: several clients, VMs in every state, tasks, points. */
export function sampleData(): FakeData {
  const now = Date.now();
  const clients = [
    fakeClient(1, 'bk-kvm-01', { description: 'DC1 row 4, backup host' }),
    fakeClient(2, 'bk-shanghai', { description: '上海机房 B 区' }),
    fakeClient(3, 'bk-kvm-03', {
      description: 'Warehouse, Склад №3',
      state: 'offline',
      lastSeenAt: now - 31 * minute,
      lastError: 'no heartbeat for 15 s',
    }),
    fakeClient(4, 'local', { description: 'This computer', local: true }),
    fakeClient(5, 'bk-kvm-05', {
      state: 'unauthorized',
      authorized: false,
      decidedAt: null,
      decidedBy: null,
      firstSeenAt: now - 14 * minute,
    }),
    fakeClient(6, 'node-ekb-02', {
      state: 'unauthorized',
      authorized: false,
      decidedAt: null,
      decidedBy: null,
      firstSeenAt: now - 2 * 24 * 60 * minute,
    }),
    fakeClient(7, 'test-laptop', { state: 'removed', authorized: false }),
  ];
  const [kvm, shanghai, warehouse] = clients as [ClientView, ClientView, ClientView];
  const groups = [
    fakeGroup(1, 'No group'),
    fakeGroup(2, 'dc1', { description: 'Hypervisors of the first data centre, one cluster' }),
    fakeGroup(3, '上海', { description: '上海机房' }),
    fakeGroup(4, 'Филиалы'),
  ];
  Object.assign(kvm, { groupId: 2, group: 'dc1' });
  Object.assign(warehouse, { groupId: 2, group: 'dc1' });
  Object.assign(shanghai, { groupId: 3, group: '上海' });
  const platforms = [
    fakePlatform(1, 'dc1-kvm', [kvm]),
    fakePlatform(2, 'shanghai', [shanghai]),
    fakePlatform(3, 'warehouse', [warehouse], { lastError: 'client bk-kvm-03 is offline' }),
    fakePlatform(4, 'images', [kvm], { kind: 'image-directory', settings: { path: '/var/lib/images' } }),
  ];
  const objects = names.map((name, index) =>
    fakeObject(
      index + 1,
      name,
      platforms[index > 25 ? 1 : index > 21 ? 2 : 0] as PlatformView,
      index > 21 && index <= 25 ? { stale: true } : {},
    ),
  );
  for (const platform of platforms)
    platform.objectCount = objects.filter((object) => object.platformId === platform.id).length;
  const pools = samplePools(clients);
  const pick = (...wanted: string[]) => objects.filter((object) => wanted.includes(object.name));
  const [main, archive] = pools as [PoolView, PoolView];
  const rules = [
    fakeRule(1, 'ERP production', pick('erp-app-01', 'erp-app-02', 'erp-db-01'), main),
    fakeRule(
      2,
      'Core services',
      pick('ad-dc-01', 'ad-dc-02', 'print-01', 'monitor-01', 'mail-store-1', 'crm-db-01', 'hr-portal'),
      main,
    ),
    fakeRule(3, 'Офис, ежедневно', pick('Бухгалтерия-2', 'Зарплата-кадры', 'Файловый-сервер'), archive),
    fakeRule(4, '上海每日备份', pick('财务数据库', '邮件服务器'), main),
    fakeRule(5, 'Worker nodes', pick('worker-01', 'worker-02', 'worker-03', 'updates-01'), main),
  ];
  let backupId = 9200;
  const backups = objects
    .filter((object) => object.rules.length > 0 && object.name !== 'worker-03')
    .flatMap((object, place) =>
      Array.from({ length: 2 + (place % 5) }, (_, age) =>
        fakeBackup(
          ++backupId,
          object,
          object.platformId === 3 ? archive : main,
          now - (place * 7 + age * 24 * 60 + 5) * minute,
          {
            verification: age === 1 ? 'trusted' : place === 7 && age === 0 ? 'suspicious' : 'notVerified',
            consistency: place % 4 === 0 ? 'crash' : 'filesystem',
          },
        ),
      ),
    );
  (objects.find(({ name }) => name === 'web-front-02') as ObjectView).frozenSince = now - 7 * minute;
  const object = (name: string) => objects.find((one) => one.name === name) as ObjectView;
  const tasks = [
    failedTask(41187, object('mail-store-1')),
    runningTask(41208, object('erp-db-01'), 64.3),
    runningTask(41209, object('erp-app-02'), 31),
    fakeTask(41212, object('财务数据库'), {
      state: 'pending',
      waitingFor: 'slot of client bk-shanghai (1 of 1), 1st in line',
    }),
    fakeTask(41214, object('crm-db-01'), { state: 'pending', waitingFor: 'a free task slot (8 of 8), 2nd in line' }),
    fakeTask(41180, object('Файловый-сервер'), {
      state: 'unknown',
      step: 'copyingData',
      percent: 47,
      startedAt: now - 40 * minute,
      bytesStored: 4 * gib,
    }),
    fakeTask(41170, object('updates-01'), {
      state: 'warning',
      startedAt: now - 100 * minute,
      warnings: ['the guest agent did not answer: the point is crash-consistent'],
    }),
    fakeTask(41169, object('hr-portal'), {
      state: 'done',
      startedAt: now - 16 * minute,
      backupId: backups[0]?.id ?? null,
    }),
    fakeTask(41168, object('ad-dc-01'), {
      kind: 'restore',
      mode: 'directory',
      state: 'done',
      startedAt: now - 16 * minute,
      result: { path: '/var/lib/holdfast-restore/ad-dc-01' },
    }),
    fakeMaintenance(41166, archive, {
      state: 'done',
      startedAt: now - 20 * minute,
      result: { kind: 'check', ok: true, errors: [], errorCount: 0 },
    }),
    fakeTask(41167, object('print-01'), {
      state: 'cancelled',
      startedAt: now - 15 * minute,
      endedAt: now - 14 * minute,
    }),
  ];
  object('财务数据库').lastTask = { id: 41212, state: 'pending', percent: null };
  object('updates-01').lastTask = { id: 41170, state: 'warning', percent: 100 };
  object('Файловый-сервер').lastTask = { id: 41180, state: 'unknown', percent: 47 };
  for (const rule of rules) {
    for (const member of rule.members) {
      const task = tasks.find((one) => one.objectId === member.objectId);
      if (task === undefined) Object.assign(member, { lastState: 'done', lastEndedAt: now - 9 * 60 * minute });
      else if (task.endedAt === null)
        Object.assign(member, {
          taskId: task.id,
          percent: task.percent,
          state: task.state === 'running' ? 'running' : task.state === 'unknown' ? 'unknown' : 'pending',
        });
      else Object.assign(member, { taskId: task.id, lastState: task.state, lastEndedAt: task.endedAt });
    }
  }
  backups.sort((a, b) => b.createdAt - a.createdAt);
  for (const pool of pools)
    pool.objectCount = new Set(
      backups.filter((backup) => backup.poolId === pool.id).map((backup) => backup.objectUuid),
    ).size;
  return {
    clients,
    groups,
    platforms,
    objects,
    pools,
    rules,
    tasks,
    backups,
    logs: sampleLogs(tasks),
    keys: sampleKeys(),
    keyClients: [],
    credentials: [],
    unanswered: [],
  };
}

function sampleKeys(): FakeData['keys'] {
  const key = { created: '2026-03-02T09:14:03.120Z', username: 'root', hostname: 'hv-01', problem: null };
  return [
    { ...key, id: 'a4'.repeat(32), current: true },
    { ...key, id: '7c'.repeat(32), current: false, username: 'audit', created: '2026-09-30T07:00:00.000Z' },
  ];
}
