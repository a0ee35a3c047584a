import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type PlaceFlags, placeOf } from '../../../agent/cli/repo/place.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';

async function newSecretFile(): Promise<string> {
  const path = join(await temporaryFolder(), 'secret');
  await writeFile(path, 'secret\n');
  return path;
}

describe('the place of a repository', () => {
  it('is a folder, whatever it is called', async () => {
    expect(await placeOf({ repo: '/srv/a:b c' })).toEqual({ kind: 'local', path: '/srv/a:b c' });
    expect(await placeOf({ repo: 'backup/x' })).toEqual({ kind: 'local', path: resolve('backup/x') });
    expect(await placeOf({ repo: 'local:/srv/x' })).toEqual({ kind: 'local', path: '/srv/x' });
  });

  it('is a server', async () => {
    const secretFile = await newSecretFile();
    const hostKey = `SHA256:${'A'.repeat(43)}`;
    const sftp = await placeOf({ repo: 'sftp://me@host:2222//srv/b', hostKey, keyFile: secretFile });
    expect(sftp).toMatchObject({ kind: 'sftp', url: 'sftp://me@host:2222//srv/b', hostKey });
    for (const repo of ['rest:https://host:8000/b', 'https://host:8000/b'])
      expect(await placeOf({ repo, user: 'me', secretFile })).toMatchObject({
        kind: 'rest',
        url: 'https://host:8000/b',
        user: 'me',
      });
    for (const repo of ['s3:https://host/bucket/b', 'https://host/bucket/b'])
      expect(await placeOf({ repo, accessKey: 'key', secretFile })).toMatchObject({
        kind: 's3',
        url: 'https://host/bucket/b',
        region: 'us-east-1',
      });
  });

  it.each<[PlaceFlags, string]>([
    [{ repo: 'sftp:me@host:/srv' }, '--repo'],
    [{ repo: 'sftp://me@host/srv' }, '--host-key'],
    [{ repo: 'sftp://host/srv', hostKey: `SHA256:${'A'.repeat(43)}`, keyFile: 'package.json' }, '--repo'],
    [{ repo: 'sftp://me@host/srv', hostKey: 'MD5:00', keyFile: 'package.json' }, '--host-key'],
    [{ repo: 'rest:https://me:secret@host/' }, '--repo'],
    [{ repo: 'rest:ftp://host/' }, '--repo'],
    [{ repo: 's3:s3.amazonaws.com/bucket' }, '--repo'],
    [{ repo: 's3:https://host/bucket' }, '--access-key'],
    [{ repo: 'b2:bucket' }, '--repo'],
    [{ repo: 'rest:https://host/', user: 'me', secretFile: '/nowhere' }, '--secret-file'],
  ])('refuses %o naming what is wrong', async (flags, field) => {
    await expect(placeOf(flags)).rejects.toMatchObject({ code: 'invalidValue', field });
  });
});
