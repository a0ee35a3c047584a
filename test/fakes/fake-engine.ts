import { randomUUID } from 'node:crypto';
import { type EngineContract, engineContract } from '../../shared/contract/engine/all.ts';
import type { Contract, Handlers, Topic } from '../../shared/contract/method.ts';
import type { Notice } from '../../shared/contract/notice.ts';
import { locationOf } from '../../shared/model/storage.ts';
import { AppError } from '../../shared/errors.ts';
import { isEnded } from '../../shared/model/task.ts';
import { rightsOfRole, type Role } from '../../shared/model/user.ts';
import type { Check } from '../../shared/schema.ts';
import type { Channel } from '../../shared/rpc/channel.ts';
import { createDispatcher } from '../../shared/rpc/dispatch.ts';
import { memoryPair } from '../../shared/rpc/memory-channel.ts';
import { Peer } from '../../shared/rpc/peer.ts';
import { fakeBackups } from './fake-backups.ts';
import { fakeClients } from './fake-clients.ts';
import { fakeGroups } from './fake-groups.ts';
import { fakeRepositories } from './fake-repositories.ts';
import { nextId, pick, rowsOf } from './fake-tables.ts';
import { type FakeData, fakePlatform, fakeRule, fakeTask } from './fake-engine-data.ts';
import { fakeClientRepositories, fakePool } from './fake-pools.ts';

interface Caller {
  role: Role | null;
}
type Api = Handlers<EngineContract, Caller>;
/** An engine in memory: the contract's dispatcher and schemas over plain arrays. For tests of the page and for pictures of it. */
export class FakeEngine {
  readonly data: FakeData;
  /** Sessions by token. */
  readonly sessions = new Set<string>();
  readonly calls: string[] = [];
  needsFirstPassword = false;
  password = 'correct horse';
  firstToken = 'first-token';
  role: Role = 'owner';
  private readonly peers = new Set<Peer<Contract>>();
  private readonly api: Api;

  constructor(data: FakeData) {
    this.data = data;
    this.api = {
      ...this.session(),
      ...this.system(),
      ...fakeClients(this.data, (...topics) => this.announce(...topics)),
      ...fakeGroups(this.data, (...topics) => this.announce(...topics)),
      ...this.platforms(),
      ...this.pools(),
      ...this.rules(),
      ...this.tasks(),
      ...fakeBackups(this.data, (...topics) => this.announce(...topics)),
    };
  }

  /** Serves one end of a channel. */
  serve(channel: Channel, signedIn: boolean): void {
    const caller: Caller = { role: signedIn ? this.role : null };
    const dispatch = createDispatcher<EngineContract, Caller>(engineContract, this.api, (name, method, { role }) => {
      this.calls.push(name);
      if (method.right === 'none') return;
      if (role === null) throw new AppError('notSignedIn', 'sign in first');
      if (!rightsOfRole[role].includes(method.right))
        throw new AppError('noRight', `${name} needs the right ${method.right}`);
    });
    const peer = new Peer<Contract>(channel, {}, (method, params, control) =>
      dispatch(method, params, caller, control),
    );
    this.peers.add(peer);
    peer.onClose(() => this.peers.delete(peer));
  }

  /** A channel to it, in memory. */
  connect(signedIn: boolean): Channel {
    const [near, far] = memoryPair();
    this.serve(far, signedIn);
    return near;
  }

  private announce = (...topics: Topic[]) => topics.forEach((topic) => this.notify({ topic }));

  /** Tells every console that something changed. */
  notify(notice: Notice): void {
    for (const peer of this.peers) peer.notify(notice);
  }

  /** Drops every connection. */
  hangUp(): void {
    for (const peer of this.peers) peer.close('the engine went away');
  }

  private session(): Pick<Api, 'session.get' | 'session.signIn' | 'session.setFirstPassword' | 'session.signOut'> {
    const enter = (caller: Caller) => {
      const token = randomUUID();
      this.sessions.add(token);
      caller.role = this.role;
      return { token, expiresAt: Date.now() + 3_600_000, user: { name: 'admin', role: this.role } };
    };
    return {
      'session.get': async (_params, { role }) => ({
        user: role === null ? null : { name: 'admin', role },
        needsFirstPassword: this.needsFirstPassword,
        version: '0.1.0',
        host: 'backup-mgr.dc1.example',
        embedded: true,
      }),
      'session.signIn': async ({ password }, caller) => {
        if (password.reveal() !== this.password)
          throw new AppError('wrongCredentials', 'user name or password is wrong', {
            hint: '3 attempts left, then sign-in pauses for 30 s.',
          });
        return enter(caller);
      },
      'session.setFirstPassword': async ({ token, password }, caller) => {
        if (token.reveal() !== this.firstToken) throw new AppError('wrongCredentials', 'the link was used already');
        this.needsFirstPassword = false;
        this.password = password;
        return enter(caller);
      },
      'session.signOut': async (_params, caller) => {
        caller.role = null;
        return {};
      },
    };
  }

  private system(): Pick<Api, 'system.get' | 'logs.list'> {
    const { data } = this;
    return {
      'system.get': async () => ({
        version: '0.1.0',
        engineUuid: '9f3c1a72-0000-4000-8000-000000000001',
        host: 'backup-mgr.dc1.example',
        zone: 'Europe/Moscow',
        now: Date.now(),
        startedAt: Date.now() - 86_400_000,
        url: null,
        agentUrl: 'wss://backup-mgr.dc1.example:9443',
        fingerprint: 'SHA256:n3W8Qp5v2kq0zXo1mJ7cN4yT9bF6aE3dH2gK8lM5rP0',
        slots: {
          limit: 8,
          used: data.tasks.filter((task) => task.state === 'running').length,
          waiting: data.tasks.filter((task) => task.state === 'pending').length,
        },
        unauthorizedClients: data.clients.filter((client) => client.state === 'unauthorized').length,
        unseenErrors: data.tasks.filter((task) => task.unseen).length,
      }),
      'logs.list': async ({ level, client, task, text, ...page }) =>
        rowsOf(
          data.logs.filter(
            (entry) =>
              (level === undefined || level.includes(entry.level)) &&
              (client === undefined || String(entry.clientId) === client) &&
              (task === undefined || String(entry.taskId) === task) &&
              (text === undefined || entry.message.includes(text)),
          ),
          page,
        ),
    };
  }

  private platforms(): Pick<
    Api,
    | 'platforms.list'
    | 'platforms.add'
    | 'platforms.test'
    | 'platforms.remove'
    | 'objects.list'
    | 'objects.refresh'
    | 'objects.thaw'
  > {
    const { data } = this;
    return {
      'platforms.list': async () => rowsOf(data.platforms),
      'platforms.add': async ({ clients, kind, name, settings }) => {
        if (settings['uri'] === 'qemu:///broken')
          throw new AppError('platformUnreachable', 'libvirt does not answer at qemu:///broken');
        const made = fakePlatform(
          nextId(data.platforms),
          name ?? kind,
          clients.map((ref) => pick(data.clients, ref, 'client')),
          { kind, settings },
        );
        data.platforms.push(made);
        this.announce('platforms', 'objects');
        return made;
      },
      'platforms.test': async ({ platform }) => ({
        checks: pick(data.platforms, platform, 'platform').clients.map(({ name, state }): Check => {
          const ok = state === 'online';
          return { check: `${name}: connection`, ok, detail: ok ? 'libvirt 9.0.0, QEMU 7.2' : 'offline' };
        }),
      }),
      'platforms.remove': async ({ platform }) => {
        data.platforms.splice(data.platforms.indexOf(pick(data.platforms, platform, 'platform')), 1);
        this.announce('platforms', 'objects');
        return {};
      },
      'objects.list': async () => rowsOf(data.objects),
      'objects.thaw': async ({ object }) => {
        pick(data.objects, object, 'object').frozenSince = null;
        this.announce('objects');
        return {};
      },
      'objects.refresh': async () => ({ platforms: data.platforms.length, failed: 0 }),
    };
  }

  private pools(): Pick<
    Api,
    | 'pools.list'
    | 'pools.add'
    | 'pools.edit'
    | 'pools.test'
    | Extract<keyof Api, `repositories.${string}`>
    | 'pools.remove'
  > {
    const { data } = this;
    return {
      'pools.list': async () => rowsOf(data.pools),
      'pools.add': async ({ name, storage, clients, write, repositoryPer }) => {
        if (data.pools.some((pool) => pool.name === name))
          throw new AppError('nameTaken', `a pool named ${name} is there already`, { field: 'name' });
        const path = locationOf(storage);
        const made = fakePool(
          nextId(data.pools),
          name,
          clients.map((ref) => pick(data.clients, ref, 'client')),
          { kind: storage.kind, path, write, repositoryPer },
        );
        if (repositoryPer !== 'pool') made.repositories = fakeClientRepositories(made, data.clients);
        data.pools.push(made);
        this.announce('pools');
        return { ...made, adopted: 0 };
      },
      'pools.edit': async ({ pool, write, name, storage, clients, maintenanceClient }) => {
        const row = pick(data.pools, pool, 'pool');
        if (storage !== undefined) {
          if (locationOf(storage).endsWith('/elsewhere'))
            throw new AppError('notSameRepository', `${locationOf(storage)} holds repository 22222222`);
          const { credential, ...address } = { credential: null, ...storage };
          data.credentials.push(credential?.reveal() ?? null);
          Object.assign(row, { address, path: locationOf(storage) });
        }
        if (clients !== undefined) {
          const serving = clients.map((ref) => pick(data.clients, ref, 'client'));
          row.clients = serving.map(({ id, name: called, state }) => ({ id, name: called, state }));
        }
        if (maintenanceClient !== undefined) row.maintenanceClientId = Number(maintenanceClient) || null;
        row.write = write ?? row.write;
        row.name = name ?? row.name;
        this.announce('pools');
        return row;
      },
      'pools.test': async ({ pool }) => ({
        checks: [{ check: 'repository', ok: true, detail: `${pick(data.pools, pool, 'pool').path} opens` }],
      }),
      ...fakeRepositories(data, (...topics) => this.announce(...topics)),
      'pools.remove': async ({ pool }) => {
        data.pools.splice(data.pools.indexOf(pick(data.pools, pool, 'pool')), 1);
        this.announce('pools', 'backups');
        return {};
      },
    };
  }

  private rules(): Pick<Api, 'rules.list' | 'rules.get' | 'rules.add' | 'rules.edit' | 'rules.run' | 'rules.remove'> {
    const { data } = this;
    const make = (id: number, fields: { name: string; objects: string[]; pool: string }) =>
      fakeRule(
        id,
        fields.name,
        fields.objects.map((ref) => pick(data.objects, ref, 'object')),
        pick(data.pools, fields.pool, 'pool'),
      );
    return {
      'rules.list': async () => rowsOf(data.rules),
      'rules.get': async ({ rule }) => pick(data.rules, rule, 'rule'),
      'rules.add': async (fields) => {
        const made = make(nextId(data.rules), fields);
        data.rules.push(made);
        this.announce('rules');
        return made;
      },
      'rules.edit': async ({ rule, fields }) => {
        const before = pick(data.rules, rule, 'rule');
        Object.assign(before, make(before.id, fields));
        this.announce('rules');
        return before;
      },
      'rules.run': async ({ rule }) => {
        const chosen = pick(data.rules, rule, 'rule');
        const started = chosen.members.map((member, index) =>
          fakeTask(nextId(data.tasks) + index, pick(data.objects, String(member.objectId), 'object'), {
            ruleId: chosen.id,
            rule: chosen.name,
          }),
        );
        data.tasks.unshift(...started);
        this.announce('tasks', 'rules');
        return { taskIds: started.map((task) => task.id) };
      },
      'rules.remove': async ({ rule }) => {
        data.rules.splice(data.rules.indexOf(pick(data.rules, rule, 'rule')), 1);
        this.announce('rules');
        return {};
      },
    };
  }

  private tasks(): Pick<Api, 'tasks.list' | 'tasks.get' | 'tasks.cancel' | 'tasks.abandon' | 'tasks.markSeen'> {
    const { data } = this;
    const end = (ref: string) => {
      const task = pick(data.tasks, ref, 'task');
      if (!isEnded(task.state)) Object.assign(task, { state: 'cancelled', endedAt: Date.now() });
      this.announce('tasks');
      return task;
    };
    return {
      'tasks.list': async ({ state, object, ...page }) =>
        rowsOf(
          data.tasks.filter(
            (task) =>
              (state === undefined || state.includes(task.state)) &&
              (object === undefined || String(task.objectId) === object),
          ),
          page,
        ),
      'tasks.get': async ({ task }) => pick(data.tasks, task, 'task'),
      'tasks.cancel': async ({ task }) => end(task),
      'tasks.abandon': async ({ task }) => end(task),
      'tasks.markSeen': async ({ task }) => {
        for (const one of data.tasks) one.unseen &&= task !== undefined && String(one.id) !== task;
        this.announce('tasks');
        return {};
      },
    };
  }
}
