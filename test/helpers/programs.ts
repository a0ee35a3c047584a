import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { taskViewSchema, type TaskView } from '../../shared/contract/engine/tasks.ts';
import type { Transport } from '../../shared/model/ssh.ts';
import { isEnded } from '../../shared/model/task.ts';
import { checkout, compileCache } from './sources.ts';
import type { SshAgents } from './ssh-agents.ts';

export const adminPassword = 'correct horse battery';
export const poolPassword = 'pool password';

export interface CliResult {
  code: number;
  /** Parsed standard output; undefined when it is empty. */
  json: unknown;
  stderr: string;
}

export interface CliError {
  code: string;
  message: string;
  hint: string;
}

const errorSchema = z.object({ error: z.object({ code: z.string(), message: z.string(), hint: z.string().min(1) }) });

/** A running program of ours that has said it is ready. */
export class Program {
  readonly child: ChildProcess;
  readonly ready: Record<string, unknown>;

  constructor(child: ChildProcess, ready: Record<string, unknown>) {
    this.child = child;
    this.ready = ready;
  }

  get pid(): number {
    return z.number().parse(this.ready['pid']);
  }

  /** Sends a signal and waits for the end. @returns the exit code, null when a signal ended it */
  async kill(signal: NodeJS.Signals): Promise<number | null> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return this.child.exitCode;
    const ended = once(this.child, 'exit') as Promise<[number | null]>;
    this.child.kill(signal);
    return (await ended)[0];
  }
}

/** Starts one of our sources under this Node and waits for its first line. */
export async function startProgram(source: string, args: readonly string[], log: string): Promise<Program> {
  const child = spawn(process.execPath, [join(checkout, source), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_COMPILE_CACHE: compileCache },
  });
  let text = '';
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
    void writeFile(log, errors);
  });
  const ready = new Promise<Record<string, unknown>>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      const line = text.split('\n')[0];
      if (text.includes('\n') && line !== undefined) resolve(z.record(z.string(), z.unknown()).parse(JSON.parse(line)));
    });
    child.on('exit', (code) => reject(new Error(`${source} ended with ${code}: ${text} ${errors}`)));
  });
  return new Program(child, await ready);
}

/** Engine and agents of one test, all in a folder of their own. */
export class Lab {
  readonly folder: string;
  /** How its agents and its engine come together. */
  readonly transport: Transport;
  #ssh: SshAgents | undefined;
  #engine: Program | undefined;
  readonly #agents = new Map<string, Program>();
  #passwordFiles = 0;

  private constructor(folder: string, transport: Transport) {
    this.folder = folder;
    this.transport = transport;
  }

  static async create(transport: Transport = 'websocket'): Promise<Lab> {
    return new Lab(await mkdtemp(join(tmpdir(), 'holdfast-programs-')), transport);
  }

  path(...parts: string[]): string {
    return join(this.folder, ...parts);
  }

  get engine(): Program {
    if (this.#engine === undefined) throw new Error('no engine is running');
    return this.#engine;
  }

  /** The SSH server of this lab's host, and the agents behind it. */
  async ssh(): Promise<SshAgents> {
    // Its helpers belong to vitest; the browser tests use this lab under another runner.
    const { SshAgents: agents } = await import('./ssh-agents.ts');
    this.#ssh ??= await agents.start(this.folder);
    return this.#ssh;
  }

  /** The process of an agent, however it was started. */
  async agentPid(name: string): Promise<number> {
    return this.#agents.get(name)?.pid ?? (await this.ssh()).pid(name);
  }

  /** Ends an agent by a signal and waits until it is gone. */
  async killAgent(name: string, signal: NodeJS.Signals): Promise<void> {
    if (this.#agents.has(name)) await this.agent(name).kill(signal);
    else await (await this.ssh()).kill(name, signal);
  }

  /** Starts a killed agent again; over SSH the engine does. */
  async startAgain(name: string): Promise<void> {
    if (this.transport !== 'ssh') await this.startAgent(name);
  }

  /** Makes an agent unreachable: a dialling one ends, over SSH the server does. */
  async cutOff(name: string): Promise<void> {
    if (this.transport === 'ssh') await (await this.ssh()).sshd.stopServer();
    else await this.killAgent(name, 'SIGTERM');
  }

  /** The reverse of {@link cutOff}. */
  async bringBack(name: string): Promise<void> {
    if (this.transport === 'ssh') await (await this.ssh()).sshd.startServer();
    else await this.startAgent(name);
  }

  agent(name: string): Program {
    const agent = this.#agents.get(name);
    if (agent === undefined) throw new Error(`no agent ${name} is running`);
    return agent;
  }

  async passwordFile(password: string): Promise<string> {
    const path = this.path(`password${this.#passwordFiles++}`);
    await writeFile(path, `${password}\n`, { mode: 0o600 });
    return path;
  }

  /** `serve` with the given further arguments; the port is kept across restarts. */
  async startEngine(args: readonly string[] = ['--no-local-agent']): Promise<void> {
    const password = await this.passwordFile(adminPassword);
    const all = ['--data', this.path('engine'), '--admin-password-file', password, ...args];
    this.#engine = await startProgram('engine/main.ts', all, this.path('engine.log'));
    await this.ok('login', '--url', String(this.#engine.ready['url']), '--user', 'admin', '--password-file', password);
  }

  async initAgent(name: string, fingerprint = String(this.engine.ready['fingerprint'])): Promise<void> {
    const args = ['--data', this.path(name), '--name', name, '--manager', String(this.engine.ready['agentUrl'])];
    await this.program('agent/main.ts', ['init', ...args, '--fingerprint', fingerprint]);
  }

  async startAgent(name: string, folder = name): Promise<Program> {
    const agent = await startProgram('agent/main.ts', ['run', '--data', this.path(folder)], this.path(`${folder}.log`));
    this.#agents.set(name, agent);
    return agent;
  }

  /** A new agent that is authorized and online. */
  async addAgent(name: string): Promise<void> {
    if (this.transport === 'ssh') {
      const ssh = await this.ssh();
      await this.program('agent/main.ts', ['init', '--data', this.path(name), '--name', name]);
      await this.ok('clients', 'add-ssh', '--name', name, ...(await ssh.flags(name)));
      return;
    }
    await this.initAgent(name);
    await this.startAgent(name);
    await this.until(`client ${name} to appear`, async () =>
      (await this.rows('clients', 'list')).some((row) => row['name'] === name),
    );
    await this.ok('clients', 'authorize', name);
  }

  /** Runs a program to its end. */
  async program(source: string, args: readonly string[]): Promise<CliResult> {
    const child = spawn(process.execPath, [join(checkout, source), ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, XDG_CONFIG_HOME: this.path('config'), NODE_COMPILE_CACHE: compileCache },
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    const [code] = (await once(child, 'close')) as [number | null];
    return { code: code ?? -1, json: stdout.trim() === '' ? undefined : JSON.parse(stdout), stderr };
  }

  cli(...args: string[]): Promise<CliResult> {
    return this.program('cli/main.ts', [...args, '--json']);
  }

  /** A command that must succeed. @returns what it printed */
  async ok(...args: string[]): Promise<Record<string, unknown>> {
    const { code, json, stderr } = await this.cli(...args);
    if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}: ${JSON.stringify(json)} ${stderr}`);
    return z.record(z.string(), z.unknown()).parse(json);
  }

  /** A listing that must succeed. */
  async rows(...args: string[]): Promise<Array<Record<string, unknown>>> {
    const { code, json, stderr } = await this.cli(...args);
    if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}: ${stderr}`);
    return z.array(z.record(z.string(), z.unknown())).parse(json);
  }

  /** A command that must fail. */
  async fails(...args: string[]): Promise<CliError & { exit: number }> {
    const { code, json } = await this.cli(...args);
    if (code === 0) throw new Error(`${args.join(' ')} should have failed: ${JSON.stringify(json)}`);
    return { exit: code, ...errorSchema.parse(json).error };
  }

  async task(id: number): Promise<TaskView> {
    return taskViewSchema.parse((await this.cli('tasks', 'show', String(id))).json);
  }

  async ended(id: number, seconds = 120): Promise<TaskView> {
    return this.untilTask(id, (task) => isEnded(task.state), seconds);
  }

  async untilTask(id: number, wanted: (task: TaskView) => boolean, seconds = 60): Promise<TaskView> {
    let task = await this.task(id);
    await this.until(
      `task ${id}`,
      async () => wanted((task = await this.task(id))),
      seconds,
      () => JSON.stringify(task),
    );
    return task;
  }

  /** Waits for a step by the agent's journal: a command is too slow to hit the middle of a short copy. */
  async untilStep(agent: string, step: string): Promise<void> {
    const folder = this.path(agent, 'journal');
    for (const end = Date.now() + 30_000; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 5))) {
      for (const name of await readdir(folder)) {
        const text = await readFile(join(folder, name), 'utf8').catch(() => '');
        if (text.includes(`"${step}"`) && !text.includes('"result"')) return;
      }
    }
    throw new Error(`no job of ${agent} reached ${step}`);
  }

  async until(
    what: string,
    holds: () => Promise<boolean>,
    seconds = 30,
    detail: () => string = () => '',
  ): Promise<void> {
    const end = Date.now() + seconds * 1000;
    while (!(await holds())) {
      if (Date.now() > end) throw new Error(`waited ${seconds} s for ${what} ${detail()}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** A rule is run. @returns the number of its first task */
  async run(rule: string): Promise<number> {
    const { taskIds } = await this.ok('rules', 'run', rule);
    return z.array(z.number()).min(1).parse(taskIds)[0] ?? 0;
  }

  /** {@link addPool} over a repository whose keys are cheap to derive: programs open it again and again. */
  async addQuickPool(client: string): Promise<void> {
    const { makeQuickRepository } = await import('./quick-repository.ts');
    await makeQuickRepository(this.path('pool'), poolPassword);
    await this.addPool(client);
  }

  /** A local pool named Default in `pool/` of the lab's folder (or at `path`). */
  async addPool(client: string, path = this.path('pool')): Promise<void> {
    const password = await this.passwordFile(poolPassword);
    const place = ['--name', 'Default', '--kind', 'local', '--client', client, '--path', path];
    await this.ok('pools', 'add', ...place, '--password-file', password);
  }

  /** A folder with images as platform `images`. */
  async addImages(client: string): Promise<string> {
    const folder = this.path('images');
    await mkdir(folder, { recursive: true });
    const what = ['--client', client, '--kind', 'image-directory', '--path', folder, '--name', 'images'];
    await this.ok('platforms', 'add', ...what);
    return folder;
  }

  async addRule(name: string, ...objects: string[]): Promise<void> {
    await this.ok(
      'rules',
      'add',
      '--name',
      name,
      '--platform',
      'images',
      '--object',
      ...objects,
      '--pool',
      'Default',
      '--type',
      'full',
    );
  }

  async agentLog(name: string): Promise<string> {
    return readFile(this.path(`${name}.log`), 'utf8').catch(() => '');
  }

  /** Ends everything and removes the folder. */
  async close(): Promise<void> {
    for (const agent of this.#agents.values()) {
      agent.child.kill('SIGCONT');
      await agent.kill('SIGTERM');
    }
    await this.#engine?.kill('SIGTERM');
    await this.#ssh?.close();
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
