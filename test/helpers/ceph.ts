import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { appendFile, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { runProgram } from '../../shared/node/run-program.ts';

const programs = ['ceph-mon', 'ceph-osd', 'radosgw', 'radosgw-admin', 'ceph', 'monmaptool', 'ceph-authtool'];
const missing = programs.filter((program) => spawnSync(program, ['--version']).error !== undefined);

/** What is missing on this machine for {@link TestCeph}. */
export const missingCeph =
  missing.length === 0
    ? undefined
    : `${missing.join(', ')} not installed (Debian: apt-get install --no-install-recommends ceph-mon ceph-osd radosgw)`;

type Daemon = 'mon' | 'osd' | 'rgw';

const startMs = 90_000;

/**
 * A whole Ceph of one monitor, one disk of 4 GiB (a sparse file) and one S3 gateway, on the loopback interface only. Takes
 * about 15 s to start; the caller stops it.
 */
export class TestCeph {
  readonly folder: string;
  readonly port: number;
  readonly login = { accessKey: 'HOLDKEY', secretKey: 'HOLDSECRET' };
  readonly #daemons = new Map<Daemon, ChildProcess>();

  private constructor(folder: string, port: number) {
    this.folder = folder;
    this.port = port;
  }

  static async start(): Promise<TestCeph> {
    const ceph = new TestCeph(await mkdtemp(join(tmpdir(), 'holdfast-ceph-')), await freePorts());
    try {
      for (const name of ['mon', 'osd', 'rgw', 'run', 'log']) await mkdir(join(ceph.folder, name));
      await writeFile(join(ceph.folder, 'ceph.conf'), ceph.#configuration(randomUUID()));
      await ceph.#startMonitor();
      await ceph.#startDisk();
      await ceph.#startGateway();
      return ceph;
    } catch (error) {
      await ceph.stop();
      throw error;
    }
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Ends all of it and removes its folder. */
  async stop(): Promise<void> {
    for (const daemon of ['rgw', 'osd', 'mon'] as const) await this.kill(daemon, 'SIGTERM');
    await rm(this.folder, { recursive: true, force: true, maxRetries: 3 });
  }

  async kill(daemon: Daemon, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#daemons.get(daemon);
    this.#daemons.delete(daemon);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
    await ended;
    clearTimeout(timer);
  }

  /** Starts the disk again after {@link kill}. */
  startDisk(): void {
    this.#spawn('osd', 'ceph-osd', ['-f', '-i', '0']);
  }

  /** Runs `ceph`. @returns what it prints */
  async ceph(...args: string[]): Promise<string> {
    return (await runProgram('ceph', [...this.#conf, ...args])).stdout;
  }

  /** Runs `radosgw-admin`. */
  async admin(...args: string[]): Promise<void> {
    await runProgram('radosgw-admin', [...this.#conf, ...args]);
  }

  get #conf(): string[] {
    return ['-c', join(this.folder, 'ceph.conf')];
  }

  #path(...parts: string[]): string {
    return join(this.folder, ...parts);
  }

  async #startMonitor(): Promise<void> {
    const { fsid, monitor } = { fsid: await this.#setting('fsid'), monitor: `[v2:127.0.0.1:${this.port + 1}]` };
    await runProgram('monmaptool', ['--create', '--fsid', fsid, '--addv', 'a', monitor, this.#path('monmap')]);
    const everything = ['--cap', 'mon', 'allow *', '--cap', 'osd', 'allow *', '--cap', 'mgr', 'allow *'];
    await this.#makeKey('keyring', 'client.admin', ['--create-keyring', ...everything]);
    await copyFile(this.#path('keyring'), this.#path('mon.keyring'));
    await this.#makeKey('mon.keyring', 'mon.', ['--cap', 'mon', 'allow *']);
    const files = ['--monmap', this.#path('monmap'), '--keyring', this.#path('mon.keyring')];
    await runProgram('ceph-mon', [...this.#conf, '-i', 'a', '--mkfs', ...files]);
    this.#spawn('mon', 'ceph-mon', ['-f', '-i', 'a']);
  }

  async #startDisk(): Promise<void> {
    const uuid = randomUUID();
    await this.#makeKey('osd/keyring', 'osd.0', ['--create-keyring']);
    const { stdout } = await runProgram('ceph-authtool', ['-p', '-n', 'osd.0', this.#path('osd/keyring')]);
    const input = JSON.stringify({ cephx_secret: stdout.trim() });
    await runProgram('ceph', [...this.#conf, 'osd', 'new', uuid, '-i', '-'], { input });
    const rights = ['mon', 'allow rw', 'osd', 'allow rwx'];
    await this.ceph('auth', 'get-or-create', 'client.rgw', ...rights, '-o', this.#path('rgw/keyring'));
    await runProgram('ceph-osd', [...this.#conf, '-i', '0', '--mkfs', '--osd-uuid', uuid]);
    this.startDisk();
    await until('the disk is up', async () => (await this.ceph('osd', 'stat')).includes('1 up'));
  }

  async #startGateway(): Promise<void> {
    this.#spawn('rgw', 'radosgw', ['-f', '-n', 'client.rgw']);
    await until('the gateway answers', () => answers(this.port));
    const { accessKey, secretKey } = this.login;
    const keys = ['--access-key', accessKey, '--secret-key', secretKey];
    await this.admin('user', 'create', '--uid=hold', '--display-name=hold', ...keys);
  }

  async #makeKey(file: string, name: string, more: readonly string[]): Promise<void> {
    await runProgram('ceph-authtool', [this.#path(file), '--gen-key', '-n', name, ...more]);
  }

  #spawn(daemon: Daemon, program: string, args: readonly string[]): void {
    const child = spawn(program, [...this.#conf, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
    child.stderr.on('data', (chunk: Buffer) => {
      appendFile(this.#path('log', `${daemon}.err`), chunk).catch(() => undefined);
    });
    this.#daemons.set(daemon, child);
  }

  async #setting(name: string): Promise<string> {
    const text = await readFile(this.#path('ceph.conf'), 'utf8');
    return new RegExp(`^${name} = (.*)$`, 'mu').exec(text)?.[1] ?? '';
  }

  /** What the gateway needs most: no delay on small answers, real keys (it does not start without), and garbage at once. */
  #configuration(fsid: string): string {
    const { folder: dir, port } = this;
    return `[global]
fsid = ${fsid}
mon host = v2:127.0.0.1:${port + 1}
mon initial members = a
public addr = 127.0.0.1
cluster addr = 127.0.0.1
public network = 127.0.0.0/8
ms bind ipv4 = true
ms bind ipv6 = false
ms bind port min = ${port + 2}
ms bind port max = ${port + portsNeeded - 1}
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
auth allow insecure global id reclaim = false
keyring = ${dir}/keyring
log file = ${dir}/log/$name.log
run dir = ${dir}/run
pid file = ${dir}/run/$name.pid
crash dir = ${dir}/run/crash
rados mon op timeout = 20
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd pool default pgp num = 8
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon max pg per osd = 1000
mon allow pool size one = true
mon warn on pool no redundancy = false
mon data avail warn = 1
mon data avail crit = 1
[mon.a]
mon data = ${dir}/mon
keyring = ${dir}/mon/keyring
[osd.0]
osd data = ${dir}/osd
keyring = ${dir}/osd/keyring
osd objectstore = bluestore
osd memory target = 939524096
bluestore block size = ${4 * 2 ** 30}
bluestore block create = true
[client.rgw]
keyring = ${dir}/rgw/keyring
rgw data = ${dir}/rgw
rgw frontends = beast endpoint=127.0.0.1:${port} tcp_nodelay=1
rgw thread pool size = 64
rgw init timeout = 60
rgw gc obj min wait = 20
rgw gc processor period = 20
`;
  }
}

const portsNeeded = 40;

/** The first of a row of ports where nothing listens at the ends; Ceph finds its own way between them. */
async function freePorts(): Promise<number> {
  for (;;) {
    const first = 20_000 + Math.floor(Math.random() * 10_000);
    const isFree = await Promise.all([first, first + 1].map(canListen));
    if (isFree.every(Boolean)) return first;
  }
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer().on('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    get({ host: '127.0.0.1', port, agent: false, timeout: 5000 }, (response) => {
      response.resume();
      resolve(true);
    }).on('error', () => resolve(false));
  });
}

async function until(what: string, isTrue: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + startMs;
  while (!(await isTrue())) {
    if (Date.now() > end) throw new Error(`Ceph did not get so far that ${what}`);
    await sleep(200);
  }
}
