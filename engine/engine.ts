import { join } from 'node:path';
import { AppError } from '../shared/errors.ts';
import { createLogger, type Logger } from '../shared/node/log.ts';
import { type ListenAddress, urlOf } from '../shared/node/listen.ts';
import { loadOrCreateIdentity } from '../shared/node/tls.ts';
import type { Channel } from '../shared/rpc/channel.ts';
import { type AgentListener, listenForAgents } from './agents/listener.ts';
import { initLocalAgent, startLocalAgent } from './agents/local-agent.ts';
import { AgentRegistry } from './agents/registry.ts';
import { SshDialler } from './agents/ssh/ssh-dialler.ts';
import { Sessions } from './api/sessions.ts';
import { Changes } from './changes.ts';
import type { EngineCore } from './core.ts';
import { Watch } from './api/watch.ts';
import { assertOnlyEngine, keptSetting, prepareDataFolder, removeEngineFile, writeEngineFile } from './data-folder.ts';
import { insertLog } from './database/logs.ts';
import { openDatabase } from './database/open.ts';
import { Vault } from './secrets.ts';
import { serveConsole } from './server/console-session.ts';
import { type HttpServer, startHttpServer } from './server/http-server.ts';
import { keptPort } from './kept-port.ts';
import { TaskQueue } from './tasks/queue.ts';

export interface EngineOptions {
  dataFolder: string;
  /** undefined: no web face (the Electron console talks through a MessagePort). */
  listen: ListenAddress | undefined;
  agentListen: ListenAddress;
  pageFolder: string;
  /** Command that starts an agent; undefined: no local agent. */
  agentCommand: readonly string[] | undefined;
  /** Password of the first user; ignored when there are users. */
  adminPassword?: string | undefined;
  /** Started by a console on this computer: first password by single-use token, ports may move. */
  embedded: boolean;
}

export interface Engine {
  readonly core: EngineCore;
  /** Set while no user exists and the engine is embedded. */
  readonly firstToken: string | undefined;
  /** Serves a console over a channel of the same computer. */
  acceptConsole(channel: Channel): void;
  stop(): Promise<void>;
}

/** Starts database, task queue, agent port and web face. @throws AppError alreadyRunning, databaseTooNew, portInUse */
export async function startEngine(options: EngineOptions): Promise<Engine> {
  const { dataFolder } = options;
  await prepareDataFolder(dataFolder);
  await assertOnlyEngine(dataFolder);
  const log = createLogger('engine');
  const identity = await loadOrCreateIdentity(dataFolder, 'Holdfast engine');
  const db = await openDatabase(join(dataFolder, 'holdfast.db'));
  const sessions = new Sessions(db);
  const core = await createCore(options, db, log, identity.fingerprint);
  await setAdminPassword(sessions, options, log);
  await core.queue.resume();
  let localFingerprint: string | undefined;
  const agentDeps = { ...core, events: core.queue, localFingerprint: () => localFingerprint };
  const agents = await keptPort(db, 'agentPort', options.agentListen, options.embedded, (address) =>
    listenForAgents(agentDeps, identity, address),
  );
  core.addresses = {
    url: null,
    agentUrl: urlOf('wss', { host: visibleHost(options.agentListen.host), port: agents.port }, '/agent'),
  };
  const web = await startWeb(options, core, sessions, identity);
  core.addresses.url = web?.url ?? null;
  await writeEngineFile(dataFolder, { pid: process.pid, ...core.addresses, fingerprint: identity.fingerprint });
  if (options.agentCommand !== undefined) {
    const local = {
      dataFolder,
      agentUrl: core.addresses.agentUrl,
      fingerprint: identity.fingerprint,
      command: options.agentCommand,
    };
    localFingerprint = await initLocalAgent(local);
    await startLocalAgent(local);
  }
  await core.dialler.start();
  const watch = new Watch(core);
  await insertLog(db, { level: 'info', source: 'engine', message: `engine started (process ${process.pid})` });
  const needsPassword = options.embedded && (await sessions.needsFirstPassword());
  return {
    core,
    firstToken: needsPassword ? sessions.issueFirstToken() : undefined,
    acceptConsole: (channel) => serveConsole(core, sessions, channel, 'desktop', null),
    async stop() {
      await watch.stop();
      await stopEngine(core, dataFolder, agents, web);
    },
  };
}

async function createCore(
  options: EngineOptions,
  db: EngineCore['db'],
  log: Logger,
  fingerprint: string,
): Promise<EngineCore> {
  const changes = new Changes();
  const registry = new AgentRegistry();
  const vault = await Vault.open(options.dataFolder);
  const engineUuid = await keptSetting(db, 'engineUuid');
  const queue = new TaskQueue({ db, changes, registry, vault, log, engineUuid });
  const dialler = new SshDialler({ db, changes, registry, vault, log, engineUuid, events: queue });
  return {
    db,
    changes,
    registry,
    vault,
    dialler,
    queue,
    log,
    engineUuid,
    startedAt: Date.now(),
    embedded: options.embedded,
    fingerprint,
    addresses: { url: null, agentUrl: '' },
  };
}

/** @throws AppError invalidValue when nobody could ever sign in */
async function setAdminPassword(sessions: Sessions, options: EngineOptions, log: Logger): Promise<void> {
  if (options.adminPassword === undefined) {
    if (options.embedded || !(await sessions.needsFirstPassword())) return;
    throw new AppError('invalidValue', `${options.dataFolder} has no user yet: --admin-password-file is needed`, {
      field: '--admin-password-file',
    });
  }
  if (await sessions.needsFirstPassword()) await sessions.createAdministrator(options.adminPassword);
  else log.warn('--admin-password-file is ignored: this data folder has its administrator already');
}

async function startWeb(
  options: EngineOptions,
  core: EngineCore,
  sessions: Sessions,
  identity: Awaited<ReturnType<typeof loadOrCreateIdentity>>,
): Promise<HttpServer | undefined> {
  if (options.listen === undefined) return undefined;
  const { pageFolder, embedded } = options;
  return keptPort(core.db, 'consolePort', options.listen, embedded, (address) =>
    startHttpServer({ core, sessions, address, pageFolder, identity }),
  );
}

/** Agents cannot dial "any address"; on the engine's own machine loopback does. */
function visibleHost(host: string): string {
  return host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
}

async function stopEngine(
  core: EngineCore,
  dataFolder: string,
  agents: AgentListener,
  web: HttpServer | undefined,
): Promise<void> {
  await core.dialler.stop();
  await core.registry.closeAll('the engine stops');
  await Promise.all([agents.close(), web?.close()]);
  await core.queue.stop();
  core.changes.stop();
  await removeEngineFile(dataFolder);
  await core.db.destroy();
}
