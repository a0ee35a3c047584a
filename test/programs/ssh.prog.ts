import { spawnSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeRandomFile } from '../helpers/random-file.ts';
import { Lab } from '../helpers/programs.ts';
import type { SshAgents } from '../helpers/ssh-agents.ts';
import { missingSshd } from '../helpers/sshd.ts';

const mib = 1024 * 1024;
/** Long enough to be interrupted: a fast machine stores hundreds of megabytes a second. */
const big = 900 * mib;

describe.skipIf(missingSshd !== undefined)('an agent behind an SSH server', () => {
  let lab: Lab;
  let ssh: SshAgents;
  beforeAll(async () => {
    lab = await Lab.create('ssh');
    await lab.startEngine();
    ssh = await lab.ssh();
  });
  afterAll(() => lab.close());

  const client = async () => (await lab.rows('clients', 'list'))[0];
  const add = async (changes: Record<string, string>) =>
    lab.fails('clients', 'add-ssh', '--name', 'node1', ...(await ssh.flags('node1', changes)));
  const copying = (id: number) => lab.untilTask(id, (task) => task.bytesRead > 30 * mib);
  const online = () => lab.until('the client', async () => (await client())?.['state'] === 'online');

  it('says what is wrong when it is added, and keeps nothing then', async () => {
    const flags = await ssh.flags('node1');
    flags.splice(flags.indexOf('--host-key'), 2);
    const offered = await ssh.sshd.fingerprint();
    const first = await lab.fails('clients', 'add-ssh', '--name', 'node1', ...flags);
    expect(first).toMatchObject({ exit: 3, code: 'hostKeyUnknown' });
    expect(first.message).toContain(offered);
    expect(first.hint).toContain(`--host-key ${offered}`);
    const wrong = await add({ 'host-key': `SHA256:${'A'.repeat(43)}` });
    expect(wrong).toMatchObject({ exit: 3, code: 'hostKeyMismatch' });
    expect(wrong.message).toContain(offered);
    expect(await add({ 'key-file': ssh.sshd.path('other-id') })).toMatchObject({ exit: 3, code: 'sshDenied' });
    expect(await add({ 'key-file': ssh.sshd.path('id.pub') })).toMatchObject({ exit: 2, code: 'invalidValue' });
    const missing = await add({ command: 'holdfast-nowhere stdio' });
    expect(missing).toMatchObject({ exit: 1, code: 'sshFailed' });
    expect(missing.message).toMatch(/has no command "holdfast-nowhere stdio" \(exit 127\)/u);
    expect((await add({})).message).toMatch(/exit code 2: notFound: there is no agent in/u);
    expect((await add({ command: 'echo Welcome; sleep 5' })).hint).toMatch(/nothing else to standard output/u);
    expect(await add({ port: '1' })).toMatchObject({ exit: 1, code: 'sshFailed' });
    expect(await lab.rows('clients', 'list')).toEqual([]);
  });

  it('is online and authorized at once; the other families of host key are asked for', async () => {
    await lab.program('agent/main.ts', ['init', '--data', lab.path('node1'), '--name', 'other']);
    const key = await ssh.sshd.fingerprint('hostkey-ecdsa');
    const flags = await ssh.flags('node1', { 'host-key': key });
    const { hwid, fingerprint } = (await lab.program('agent/main.ts', ['init', '--data', lab.path('node1'), '--show']))
      .json as Record<string, string>;
    expect(await lab.ok('clients', 'add-ssh', '--name', 'node1', ...flags)).toMatchObject({
      name: 'node1',
      state: 'online',
      authorized: true,
      transport: 'ssh',
      address: `ssh://${ssh.sshd.user}@127.0.0.1:${ssh.sshd.port}`,
      hwid,
      fingerprint,
    });
    expect(await lab.fails('clients', 'add-ssh', '--name', 'node1', ...flags)).toMatchObject({ code: 'nameTaken' });
    expect(await lab.fails('clients', 'add-ssh', '--name', 'node2', ...flags)).toMatchObject({ code: 'agentInUse' });
  });

  it('works for one engine at a time', async () => {
    const other = await Lab.create();
    try {
      await other.startEngine();
      const second = await other.fails('clients', 'add-ssh', '--name', 'node1', ...(await ssh.flags('node1')));
      expect(second).toMatchObject({ exit: 1, code: 'agentInUse' });
      expect(await other.rows('clients', 'list')).toEqual([]);
    } finally {
      await other.close();
    }
    expect(await client()).toMatchObject({ state: 'online' });
  });

  it('goes on with its job when the SSH session is killed, and the task ends done', async () => {
    const images = await lab.addImages('node1');
    await writeRandomFile(`${images}/big.raw`, big, [{ at: 0, length: big }]);
    await lab.addQuickPool('node1');
    await lab.addRule('big', 'big.raw');
    const pid = await ssh.pid('node1');
    const id = await lab.run('big');
    await copying(id);
    expect(await ssh.sshd.killSessions()).toBe(1);
    const task = await lab.ended(id);
    expect(task).toMatchObject({ state: 'done', error: null });
    await online();
    expect(await ssh.pid('node1')).toBe(pid);
  });

  it('finishes while the engine is dead, and reports to the next one', async () => {
    await writeRandomFile(lab.path('images', 'big.raw'), big, [{ at: 0, length: big }]);
    const id = await lab.run('big');
    await copying(id);
    await lab.engine.kill('SIGKILL');
    await lab.startEngine();
    expect(await lab.ended(id)).toMatchObject({ state: 'done', error: null });
  });

  it('is started again after a kill -9, and says that its job was stopped', async () => {
    await writeRandomFile(lab.path('images', 'big.raw'), big, [{ at: 0, length: big }]);
    const pid = await ssh.pid('node1');
    const id = await lab.run('big');
    await copying(id);
    await lab.killAgent('node1', 'SIGKILL');
    const task = await lab.ended(id);
    expect(task.state).toBe('failed');
    expect(task.error).toMatchObject({ code: 'agentStopped' });
    expect(await ssh.pid('node1')).not.toBe(pid);
  });

  it('is not reached when the server shows another host key, and comes back with the right one', async () => {
    await ssh.sshd.stopServer();
    const unreachable = /closed the connection|ECONN|Connection lost/u;
    await lab.until('an error', async () => unreachable.test(String((await client())?.['lastError'])));
    await ssh.sshd.startServer(['hostkey']);
    const offered = await ssh.sshd.fingerprint();
    await lab.until('the mismatch', async () => String((await client())?.['lastError']).includes(`offered ${offered}`));
    expect(await client()).toMatchObject({ state: 'offline' });
    const logs = await lab.rows('logs', 'list');
    expect(logs).toContainEqual(expect.objectContaining({ code: 'hostKeyMismatch', source: 'security' }));
    await ssh.sshd.stopServer();
    await ssh.sshd.startServer();
    await online();
    expect(await client()).toMatchObject({ lastError: null });
  });

  it('is left alone once it is removed, and comes back when it is authorized', async () => {
    expect(await lab.ok('clients', 'remove', 'node1', '--yes')).toMatchObject({ state: 'removed' });
    const { connections } = ssh.sshd;
    await new Promise((resolve) => setTimeout(resolve, 2500));
    expect(ssh.sshd.connections).toBe(connections);
    // As docs/ssh.md has it: this key may do nothing else, whatever the engine asks for.
    const key = await readFile(ssh.sshd.path('id.pub'), 'utf8');
    await writeFile(ssh.sshd.path('authorized_keys'), `command="${ssh.command('node1')}",restrict ${key}`);
    expect(await lab.ok('clients', 'authorize', 'node1')).toMatchObject({ state: 'online', transport: 'ssh' });
  });

  it('leaves the private key in no file of the engine but encrypted', async () => {
    const lines = (await readFile(ssh.sshd.path('id'), 'utf8')).split('\n');
    const places = ['engine', 'node1', 'engine.log'].map((place) => lab.path(place));
    expect(spawnSync('grep', ['-rlaF', lines[2] ?? '', ...places], { encoding: 'utf8' }).stdout).toBe('');
  });
});
