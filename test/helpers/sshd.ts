import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { SftpOptions } from '../../agent/repository/storage/sftp.ts';
import { runProgram } from '../../shared/node/run-program.ts';
import { temporaryFolder } from './temporary-folder.ts';

const program = '/usr/sbin/sshd';

/** What is missing on this machine for {@link TestSshd}; Debian has it in openssh-server. */
export const missingSshd = existsSync(program) ? undefined : 'sshd is not installed (Debian: openssh-server)';

/**
 * A real OpenSSH server of the test's own, reached through a small relay that can cut the line, hold it, or let only so
 * many bytes pass. Ends with the test.
 */
export class TestSshd {
  readonly folder: string;
  readonly #serverPort: number;
  readonly #configLines: readonly string[];
  readonly #relay: Server;
  readonly #lines = new Set<Socket>();
  #server: ChildProcess | undefined;
  #bytesLeft = Infinity;
  #onSpent: () => void = () => undefined;
  /** Connections that reached the relay. */
  connections = 0;
  /** How many lines the relay lets stand at a time; more are closed at once. */
  most = Infinity;

  private constructor(folder: string, serverPort: number, lines: readonly string[]) {
    this.folder = folder;
    this.#serverPort = serverPort;
    this.#configLines = lines;
    this.#relay = createServer({ noDelay: true }, (socket) => this.#pass(socket));
  }

  /** A server of SFTP alone. @param lines more lines for sshd_config */
  static async start(lines: readonly string[] = []): Promise<TestSshd> {
    const folder = await temporaryFolder();
    const force = `ForceCommand internal-sftp -d ${join(folder, 'home')}`;
    const sshd = await TestSshd.open(folder, [...lines, 'Subsystem sftp internal-sftp', force]);
    onTestFinished(() => sshd.close());
    return sshd;
  }

  /** A server that runs commands, in an empty folder of the caller's; who opens it closes it. */
  static async open(folder: string, lines: readonly string[] = []): Promise<TestSshd> {
    const sshd = new TestSshd(folder, await freePort(), lines);
    if (process.getuid?.() === 0) await mkdir('/run/sshd', { recursive: true });
    for (const name of ['hostkey', 'hostkey-ecdsa', 'id', 'other-id'])
      await runProgram('ssh-keygen', [...keyArguments(name), '-f', sshd.path(name)]);
    await copyFile(sshd.path('id.pub'), sshd.path('authorized_keys'));
    await mkdir(sshd.path('home'));
    await sshd.startServer();
    sshd.#relay.listen(0, '127.0.0.1');
    await once(sshd.#relay, 'listening');
    return sshd;
  }

  get port(): number {
    return portOf(this.#relay);
  }

  get user(): string {
    return userInfo().username;
  }

  /** Where a login starts. */
  path(...parts: string[]): string {
    return join(this.folder, ...parts);
  }

  /** The fingerprint as ssh-keygen prints it. */
  async fingerprint(key = 'hostkey'): Promise<string> {
    const { stdout } = await runProgram('ssh-keygen', ['-lf', this.path(`${key}.pub`)]);
    return stdout.split(' ')[1] ?? '';
  }

  async options(path = 'repository'): Promise<SftpOptions> {
    const { user, port } = this;
    const privateKey = await readFile(this.path('id'), 'utf8');
    return { host: '127.0.0.1', port, user, path, privateKey, hostKey: await this.fingerprint() };
  }

  /** restic's option that makes it talk to this server. */
  async resticOption(): Promise<string> {
    const key = (await readFile(this.path('hostkey.pub'), 'utf8')).split(' ').slice(0, 2).join(' ');
    await writeFile(this.path('known_hosts'), `[127.0.0.1]:${this.port} ${key}\n`);
    const options = [
      `-i ${this.path('id')} -o IdentitiesOnly=yes -o UserKnownHostsFile=${this.path('known_hosts')}`,
      `-o BatchMode=yes -o HostKeyAlgorithms=ssh-ed25519 -F /dev/null -p ${this.port} ${this.user}@127.0.0.1 -s sftp`,
    ];
    return `sftp.command=ssh ${options.join(' ')}`;
  }

  /** @param hostKeys files of this folder that it shows */
  async startServer(hostKeys: readonly string[] = ['hostkey', 'hostkey-ecdsa']): Promise<void> {
    await writeFile(this.path('sshd_config'), this.#config(hostKeys));
    const server = spawn(program, ['-D', '-e', '-f', this.path('sshd_config')], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#server = server;
    let said = '';
    await new Promise<void>((resolve, reject) => {
      server.stderr.on('data', (chunk: Buffer) => {
        said += chunk.toString();
        if (said.includes('Server listening')) resolve();
      });
      server.on('exit', () => reject(new Error(`sshd ended: ${said}`)));
    });
  }

  /** The server is killed and all lines with it; the relay then refuses. */
  async stopServer(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    this.cut();
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return;
    const ended = once(server, 'exit');
    server.kill('SIGKILL');
    await ended;
  }

  /** Kills the process behind every session, and leaves the server alone. @returns how many there were */
  async killSessions(): Promise<number> {
    const pid = this.#server?.pid;
    if (pid === undefined) return 0;
    const children = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).split(' ').filter(Boolean);
    for (const child of children) process.kill(Number(child), 'SIGKILL');
    return children.length;
  }

  /** Every connection breaks now. */
  cut(): void {
    for (const socket of this.#lines) socket.destroy();
    this.#lines.clear();
  }

  /** Nothing passes any more, but nothing is closed: a dead router. */
  hold(): void {
    for (const socket of this.#lines) socket.pause().removeAllListeners('data');
  }

  /** @returns when clients have sent so many bytes more */
  afterBytes(bytes: number): Promise<void> {
    this.#bytesLeft = bytes;
    return new Promise((resolve) => (this.#onSpent = resolve));
  }

  #config(hostKeys: readonly string[]): string {
    return [
      ...hostKeys.map((key) => `HostKey ${this.path(key)}`),
      `ListenAddress 127.0.0.1:${this.#serverPort}`,
      `PidFile ${this.path('sshd.pid')}`,
      `AuthorizedKeysFile ${this.path('authorized_keys')}`,
      ...['StrictModes no', 'UsePAM no', 'PasswordAuthentication no', 'PermitRootLogin yes', 'MaxStartups 100'],
      ...this.#configLines,
      '',
    ].join('\n');
  }

  #pass(client: Socket): void {
    if (this.#lines.size / 2 >= this.most) {
      client.destroy();
      return;
    }
    this.connections++;
    const server = connect({ port: this.#serverPort, host: '127.0.0.1', noDelay: true });
    const end = () => {
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server]) {
      this.#lines.add(socket);
      socket.on('error', end).on('close', () => {
        this.#lines.delete(socket);
        end();
      });
    }
    relay(server, client);
    relay(client, server, (bytes) => {
      this.#bytesLeft -= bytes;
      if (this.#bytesLeft <= 0) this.#onSpent();
    });
  }

  async close(): Promise<void> {
    await this.stopServer();
    this.#relay.close();
  }
}

function relay(from: Socket, to: Socket, onBytes: (bytes: number) => void = () => undefined): void {
  from.on('data', (chunk: Buffer) => {
    onBytes(chunk.length);
    if (!to.write(chunk)) {
      from.pause();
      to.once('drain', () => from.resume());
    }
  });
  from.on('end', () => to.end());
}

function keyArguments(name: string): string[] {
  return ['-q', '-N', '', '-t', name === 'hostkey-ecdsa' ? 'ecdsa' : 'ed25519'];
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const port = portOf(server);
  server.close();
  return port;
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server does not listen');
  return address.port;
}

/** A port where something listens and never says a word. Ends with the test. */
export async function silentServer(): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => sockets.add(socket)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return portOf(server);
}
