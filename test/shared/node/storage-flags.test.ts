// Options of the command lines become a storage; a change names only what is another than before.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { storageOf } from '../../../shared/node/storage-flags.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';

const hostKey = `SHA256:${'A'.repeat(43)}`;
const sftp = { kind: 'sftp' as const, url: 'sftp://backup@store//srv/one', hostKey };
const s3 = {
  kind: 's3' as const,
  url: 'https://store/bucket/one',
  accessKey: 'key',
  region: 'eu-1',
  caCertificate: 'PEM',
};

test('a new storage names everything', async () => {
  await expect(storageOf('sftp', { url: sftp.url, hostKey })).rejects.toMatchObject({ field: '--key-file' });
  await expect(storageOf('sftp', { url: sftp.url })).rejects.toMatchObject({ field: '--host-key' });
});

test('a change keeps what is not given; the credential stays with the engine', async () => {
  const url = 'sftp://backup@store//srv/two';
  expect(await storageOf('sftp', { url }, sftp)).toEqual({ ...sftp, url, credential: null });
  const secretFile = join(await temporaryFolder(), 'secret');
  await writeFile(secretFile, 'new\n');
  expect(await storageOf('s3', { secretFile }, s3)).toEqual({ ...s3, credential: 'new' });
});

test('an empty text takes away what may be missing', async () => {
  const rest = { kind: 'rest' as const, url: 'https://store/one', user: 'backup', fingerprint: hostKey };
  expect(await storageOf('rest', { user: '', fingerprint: '' }, rest)).toMatchObject({ user: null, fingerprint: null });
  expect(await storageOf('s3', { caFile: '' }, s3)).toMatchObject({ caCertificate: null, region: 'eu-1' });
});
