import { setTimeout as sleep } from 'node:timers/promises';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type RepositoryServerOptions } from '../../../../agent/exports/serve-repo/server.ts';
import { RetryingStorage } from '../../../../agent/repository/storage/retrying.ts';
import { BufferSource, testBytes } from '../../../helpers/byte-sources.ts';
import { lacking } from '../../../helpers/needs.ts';
import { backUp, existingRepository, newRepository, storeDisk, vmTree } from '../../../helpers/repositories.ts';
import {
  restSecret,
  restStorageOn,
  restUser,
  startTestServer,
  testCertificate,
  usersFile,
} from '../../../helpers/repository-server.ts';
import { hasRestic, Restic } from '../../../helpers/restic.ts';
import { temporaryFolder } from '../../../helpers/temporary-folder.ts';

const MiB = 1024 * 1024;

/** Our server with a user, and the public restic that talks to the user's repository on it. */
async function resticOn(options: Partial<RepositoryServerOptions>) {
  const server = await startTestServer({ usersFile: await usersFile(restUser), isPrivate: true, ...options });
  const work = await temporaryFolder();
  const ca = join(work, 'ca.pem');
  await writeFile(ca, (await testCertificate()).cert);
  const restic = await Restic.at(`rest:https://${restUser}:${restSecret}@127.0.0.1:${server.port}/${restUser}/vms/`);
  const runUntil = (signal: AbortSignal, ...args: string[]) => restic.run(['--cacert', ca, ...args], { signal });
  const run = (...args: string[]) => runUntil(AbortSignal.timeout(60_000), ...args);
  const source = join(work, 'source');
  await mkdir(source);
  await writeFile(join(source, 'disk'), testBytes(9 * MiB, 1));
  await writeFile(join(source, 'note'), 'a note');
  return {
    server,
    run,
    runUntil,
    source,
    folder: join(server.folder, restUser, 'vms'),
    address: `${server.url}${restUser}/vms/`,
  };
}

describe.skipIf(lacking(hasRestic ? undefined : 'restic is not installed'))('public restic on our server', () => {
  it('inits, backs up, checks, restores, forgets, prunes and unlocks', async () => {
    const { run, source, folder } = await resticOn({});
    await run('init', '--repository-version', '2');
    await run('backup', source);
    await writeFile(join(source, 'disk'), testBytes(9 * MiB, 2));
    await run('backup', source);
    expect((await run('check', '--read-data')).stdout).toContain('no errors were found');
    const target = await temporaryFolder();
    await run('restore', 'latest', '--target', target);
    expect((await readFile(join(target, source, 'disk'))).equals(testBytes(9 * MiB, 2))).toBe(true);
    const before = (await readdir(join(folder, 'data'), { recursive: true })).length;
    await run('forget', '--keep-last', '1', '--prune', '--max-unused', '0');
    expect((await readdir(join(folder, 'data'), { recursive: true })).length).toBeLessThan(before);
    expect((await run('check', '--read-data')).stdout).toContain('no errors were found');
    expect(await readdir(join(folder, 'locks'))).toEqual([]);
    await run('key', 'list');
    await run('unlock', '--remove-all');
  });

  it('backs up to an append-only server but cannot forget there', async () => {
    const { run, runUntil, server, source, folder } = await resticOn({ appendOnly: true });
    await run('init', '--repository-version', '2');
    await run('backup', source);
    const { stdout, stderr } = await run('snapshots', '--json');
    const [{ id }] = JSON.parse(stdout) as [{ id: string }];
    expect(stderr).toBe('');
    // restic tries again for a minute; it has seen enough when it was refused.
    const refused = new AbortController();
    const forget = expect(runUntil(refused.signal, 'forget', id)).rejects.toMatchObject({ code: 'cancelled' });
    while (!server.lines.join().includes(`${restUser}/vms/snapshot for ${restUser}`)) await sleep(20);
    refused.abort();
    await forget;
    expect(await readdir(join(folder, 'snapshots'))).toEqual([id]);
    await run('unlock', '--remove-all');
    expect(await readdir(join(folder, 'locks'))).toEqual([]);
    await run('check', '--read-data');
  });

  it('reads what we wrote over REST, and we what it wrote', async () => {
    const { run, server, address } = await resticOn({ appendOnly: true });
    const open = () => new RetryingStorage(restStorageOn(server, { url: address, user: restUser, secret: restSecret }));
    const repository = await newRepository(open());
    const disk = testBytes(24 * MiB, 3);
    const { finished } = await backUp(
      repository,
      (writer) => storeDisk(writer, new BufferSource(disk)),
      (stored) => vmTree({ vda: stored.content }),
    );
    expect((await run('check', '--read-data')).stdout).toContain('no errors were found');
    const again = await existingRepository(open());
    expect((await again.listSnapshots()).map(({ id }) => id)).toEqual([finished.snapshotId]);
  });
});
