import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { checkout, compileCache } from './sources.ts';
import { TestSshd } from './sshd.ts';

const readySchema = z.object({ ready: z.literal(true), pid: z.number(), hwid: z.string(), fingerprint: z.string() });

/** Agents of a lab that are reached through an SSH server, which starts them on their own feet. */
export class SshAgents {
  readonly sshd: TestSshd;
  readonly #labFolder: string;

  private constructor(sshd: TestSshd, labFolder: string) {
    this.sshd = sshd;
    this.#labFolder = labFolder;
  }

  static async start(labFolder: string): Promise<SshAgents> {
    const folder = join(labFolder, 'sshd');
    await mkdir(folder);
    return new SshAgents(await TestSshd.open(folder), labFolder);
  }

  /** What is run on the host for an agent. */
  command(name: string): string {
    const program = `${process.execPath} ${join(checkout, 'agent/main.ts')}`;
    return `NODE_COMPILE_CACHE=${compileCache} ${program} stdio --data ${join(this.#labFolder, name)}`;
  }

  /** Options of `clients add-ssh`, without the name. */
  async flags(name: string, changes: Record<string, string> = {}): Promise<string[]> {
    const { sshd } = this;
    const all = {
      host: '127.0.0.1',
      port: String(sshd.port),
      user: sshd.user,
      'key-file': sshd.path('id'),
      'host-key': await sshd.fingerprint(),
      command: this.command(name),
      ...changes,
    };
    return Object.entries(all).flatMap(([flag, value]) => [`--${flag}`, value]);
  }

  /** What the agent's last process said when it was ready. */
  async ready(name: string): Promise<z.output<typeof readySchema>> {
    const text = await readFile(join(this.#labFolder, name, 'log', 'agent.log'), 'utf8');
    const line = text.split('\n').findLast((candidate) => candidate.startsWith('{"ready":true'));
    return readySchema.parse(JSON.parse(line ?? '{}'));
  }

  async pid(name: string): Promise<number> {
    return (await this.ready(name)).pid;
  }

  async kill(name: string, signal: NodeJS.Signals): Promise<void> {
    const pid = await this.pid(name);
    if (!(await isAgent(pid, join(this.#labFolder, name)))) return;
    process.kill(pid, signal);
    for (const end = Date.now() + 10_000; await isAgent(pid, join(this.#labFolder, name)); await sleep(20))
      if (Date.now() > end) throw new Error(`the agent ${name} (${pid}) does not end`);
  }

  /** Ends the server and every agent that was started through it. */
  async close(): Promise<void> {
    await this.sshd.close();
    for (const name of await readdir(this.#labFolder)) {
      const isOurs = await this.ready(name).catch(() => undefined);
      if (isOurs !== undefined) await this.kill(name, 'SIGTERM');
    }
  }
}

/** A number may belong to another process by now; an ended one that nobody waits for counts as gone. */
async function isAgent(pid: number, folder: string): Promise<boolean> {
  const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return line.split('\0').includes(folder);
}
