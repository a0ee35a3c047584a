import { once } from 'node:events';
import { mkdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { claimFolder, connectAgent, socketPath } from '../../agent/alive-socket.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const hwid = 'abcd-ef01-2345-6789';

test('one of many that start at once gets the folder', async () => {
  const folder = await temporaryFolder();
  const claims = await Promise.allSettled(Array.from({ length: 8 }, () => claimFolder(folder, hwid)));
  const taken = claims.filter((claim) => claim.status === 'fulfilled');
  expect(taken).toHaveLength(1);
  for (const claim of claims)
    if (claim.status === 'rejected') expect(claim.reason).toMatchObject({ code: 'alreadyRunning' });
  await taken[0]?.value.release();
  await (await claimFolder(folder, hwid)).release();
});

test('what a crash left behind keeps nobody out', async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'agent.sock'), '');
  await writeFile(join(folder, 'agent.claim'), '');
  const old = new Date(Date.now() - 60_000);
  await utimes(join(folder, 'agent.claim'), old, old);
  const claim = await claimFolder(folder, hwid);
  expect((await stat(join(folder, 'agent.sock'))).mode & 0o777).toBe(0o600);
  await claim.release();
});

test('who connects before the agent serves has not come in vain', async () => {
  const folder = await temporaryFolder();
  const claim = await claimFolder(folder, hwid);
  const early = connect(socketPath(folder, hwid));
  await once(early, 'connect');
  claim.serve((socket) => socket.end('served'));
  const [bytes] = (await once(early, 'data')) as [Buffer];
  expect(bytes.toString()).toBe('served');
  await claim.release();
  expect(await connectAgent(socketPath(folder, hwid))).toBeUndefined();
});

test.runIf(process.getuid?.() === 0)('a path that is too long for a socket moves to /run', async () => {
  const folder = join(await temporaryFolder(), 'x'.repeat(100));
  await mkdir(folder);
  const path = socketPath(folder, hwid);
  expect(path).toMatch(/^\/run\/holdfast\/abcdef01\/[0-9a-f]{8}\.sock$/u);
  onTestFinished(() => rm(dirname(path), { recursive: true, force: true }));
  const claim = await claimFolder(folder, hwid);
  expect(await connectAgent(path)).toBeDefined();
  await claim.release();
});
