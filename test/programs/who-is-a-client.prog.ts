import { cp, rm } from 'node:fs/promises';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Lab } from '../helpers/programs.ts';

describe('who may be a client', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await Lab.create();
    await lab.startEngine();
    await lab.addAgent('node1');
  });
  afterAll(() => lab.close());

  it('refuses a copy of an agent folder while the first one is connected', async () => {
    await cp(lab.path('node1'), lab.path('copy'), { recursive: true, filter: (path) => !path.endsWith('agent.sock') });
    const copy = await lab.startAgent('copy', 'copy');
    await lab.until('the refusal', async () => (await lab.agentLog('copy')).includes('duplicateHwid'));
    const [client] = await lab.rows('clients', 'list');
    expect(client).toMatchObject({ state: 'online' });
    expect(String(client?.['lastError'])).toContain('connected already');
    expect(await copy.kill('SIGTERM')).toBe(0);
  });

  it('refuses a second agent on the same folder', async () => {
    const { code, json } = await lab.program('agent/main.ts', ['run', '--data', lab.path('node1')]);
    expect({ code, json }).toMatchObject({ code: 1, json: { error: { code: 'alreadyRunning' } } });
  });

  it('refuses the right HWID with another certificate', async () => {
    await cp(lab.path('node1'), lab.path('forged'), {
      recursive: true,
      filter: (path) => !path.endsWith('agent.sock'),
    });
    await rm(lab.path('forged', 'tls.key'));
    await rm(lab.path('forged', 'tls.crt'));
    const forged = await lab.startAgent('forged', 'forged');
    await lab.until('the refusal', async () => (await lab.agentLog('forged')).includes('certificateMismatch'));
    await forged.kill('SIGTERM');
  });

  it('an agent refuses a manager with another certificate than the pinned one', async () => {
    await lab.initAgent('wary', `SHA256:${'A'.repeat(43)}`);
    await lab.startAgent('wary');
    await lab.until('the refusal', async () => (await lab.agentLog('wary')).includes('certificateMismatch'));
    expect(await lab.rows('clients', 'list')).toHaveLength(1);
  });

  it('a removed client that dials again is told so, and authorize brings it back', async () => {
    expect(await lab.ok('clients', 'remove', 'node1', '--yes')).toMatchObject({ state: 'removed' });
    await lab.until('the refusal', async () => (await lab.agentLog('node1')).includes('clientRemoved'));
    expect(await lab.fails('objects', 'list', '--client', 'node1')).toMatchObject({ exit: 3, code: 'clientRemoved' });
    expect(await lab.ok('clients', 'authorize', 'node1')).toMatchObject({ state: 'online' });
  });

  it('survives garbage on its agent port', async () => {
    const port = Number(new URL(String(lab.engine.ready['agentUrl'])).port);
    await new Promise<void>((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false }, () =>
        socket.end('\0garbage\r\n\r\n'),
      );
      socket.on('close', () => resolve());
      // Hanging up hard is a fair answer.
      socket.on('error', (error: NodeJS.ErrnoException) => (error.code === 'ECONNRESET' ? resolve() : reject(error)));
      socket.resume();
    });
    expect((await lab.rows('clients', 'list'))[0]).toMatchObject({ state: 'online' });
  });
});
