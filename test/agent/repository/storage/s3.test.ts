import { describe, expect, it } from 'vitest';
import { S3Storage } from '../../../../agent/repository/storage/s3.ts';
import type { Storage, StoredFile } from '../../../../agent/repository/storage/storage.ts';
import { sha256, testBytes } from '../../../helpers/byte-sources.ts';
import { startS3, storageOn } from '../../../helpers/s3-peer/s3-storages.ts';
import { S3Peer } from '../../../helpers/s3-peer/s3-peer.ts';
import { temporaryFolder } from '../../../helpers/temporary-folder.ts';
import { storageSuite } from '../../../suites/storage-suite.ts';

const MiB = 1024 * 1024;
const someName = 'ab'.repeat(32);

async function namesOf(storage: Storage, type: 'data' | 'lock'): Promise<string[]> {
  const files: StoredFile[] = [];
  for await (const file of storage.list(type)) files.push(file);
  return files.map(({ name }) => name);
}

function put(peer: S3Peer, key: string, bytes = Buffer.from('x')) {
  return peer.objects.put('bucket', key, bytes);
}

describe('S3 storage', () => {
  storageSuite('s3', async () => (await startS3({ hashBodies: true })).storage);

  it('lays files out as restic does, below the prefix', async () => {
    const { peer, storage } = await startS3({ prefix: 'a/b c/ü' });
    await storage.prepare();
    const bytes = Buffer.from('content');
    for (const type of ['data', 'index', 'key', 'lock', 'snapshot'] as const)
      await storage.write(type, sha256(bytes), [bytes]);
    await storage.writeConfig(bytes);
    const id = sha256(bytes);
    const names = [
      'config',
      `data/${id.slice(0, 2)}/${id}`,
      `index/${id}`,
      `keys/${id}`,
      `locks/${id}`,
      `snapshots/${id}`,
    ];
    expect(peer.keys('bucket')).toEqual(names.map((name) => `a/b c/ü/${name}`));
    expect(await namesOf(storage, 'data')).toEqual([id]);
  });

  it('names the address without keys', async () => {
    const { peer, storage } = await startS3({ prefix: 'a' });
    expect(storage.location).toBe(`s3:${peer.url}/bucket/a`);
  });

  it('signs a file with its name, so that other content is refused and nothing is stored', async () => {
    const { peer, storage } = await startS3();
    await storage.prepare();
    const wrong = storage.write('data', someName, [Buffer.from('other')]);
    await expect(wrong).rejects.toMatchObject({ code: 'storageFailed' });
    expect(peer.keys('bucket')).toEqual([]);
  });

  it('sends 16 MiB in one request, and gives it back whole and in part', async () => {
    const { peer, storage } = await startS3();
    await storage.prepare();
    const bytes = testBytes(16 * MiB + 3, 1);
    await storage.write('data', sha256(bytes), [bytes.subarray(0, 5 * MiB), bytes.subarray(5 * MiB)]);
    expect(peer.asked.filter((line) => line.startsWith('PUT bucket/data'))).toHaveLength(1);
    expect((await storage.read('data', sha256(bytes))).equals(bytes)).toBe(true);
    const part = await storage.read('data', sha256(bytes), { offset: 3 * MiB + 1, length: 9 * MiB });
    expect(part.equals(bytes.subarray(3 * MiB + 1, 12 * MiB + 1))).toBe(true);
  });

  it('adds the hash that buckets with a retention ask for, once it knows', async () => {
    const { peer, storage } = await startS3();
    peer.needsMd5 = true;
    const files = [1, 2, 3].map((seed) => testBytes(1000, seed));
    const released: number[] = [];
    for (const [i, bytes] of files.entries())
      await storage.write('data', sha256(bytes), [bytes.subarray(0, 10), bytes.subarray(10)], () => released.push(i));
    await storage.writeConfig(Buffer.from('x'));
    expect(peer.asked.filter((line) => line.startsWith('PUT'))).toHaveLength(5);
    expect(released).toEqual([0, 1, 2]);
    for (const bytes of files) expect((await storage.read('data', sha256(bytes))).equals(bytes)).toBe(true);
  });

  it('does not send parts again that it has given back', async () => {
    const { peer, storage } = await startS3();
    await storage.writeConfig(Buffer.from('x'));
    peer.needsMd5 = true;
    const bytes = testBytes(1000, 1);
    const write = (onSent?: () => void) => storage.write('data', sha256(bytes), [bytes], onSent);
    await expect(write(() => undefined)).rejects.toMatchObject({ code: 'storageFailed' });
    await write(() => undefined);
    expect(await storage.size('data', sha256(bytes))).toBe(1000);
  });

  it('makes the bucket when it is missing, once, and only when preparing', async () => {
    const { peer, storage } = await startS3({ withoutBucket: true });
    expect(await storage.isEmpty()).toBe(true);
    const denied = { code: 'storageDenied', hint: expect.stringContaining('bucket') as string };
    await expect(storage.writeConfig(Buffer.from('x'))).rejects.toMatchObject(denied);
    await storage.prepare();
    await storage.prepare();
    expect(peer.asked.filter((line) => line === 'PUT bucket/')).toHaveLength(1);
    await storage.writeConfig(Buffer.from('x'));
  });

  it('says what is wrong when the bucket may not be made', async () => {
    const { peer, storage } = await startS3({ withoutBucket: true });
    peer.fault = ({ method }) => (method === 'PUT' ? { kind: 'refuse', status: 403, code: 'AccessDenied' } : undefined);
    await expect(storage.prepare()).rejects.toMatchObject({ code: 'storageDenied' });
  });

  it('lists page after page, and skips what is foreign', async () => {
    const { peer, storage } = await startS3({ prefix: 'p' });
    await storage.prepare();
    peer.pageKeys = 3;
    const names = Array.from({ length: 10 }, (_, i) => sha256(Buffer.from([i]))).sort();
    for (const name of names) await put(peer, `p/data/${name.slice(0, 2)}/${name}`);
    for (const odd of [
      'data/',
      `data/00/${names[1]}`,
      `data/${names[0]}`,
      'data/x & y <z>',
      `data/ü+%20\u0001/${names[0]}`,
    ])
      await put(peer, `p/${odd}`);
    await put(peer, `other/data/${someName.slice(0, 2)}/${someName}`);
    expect((await namesOf(storage, 'data')).sort()).toEqual(names);
  });

  it('takes marks of folders for nothing, everything else for something', async () => {
    const { peer, storage } = await startS3({ prefix: 'p' });
    await put(peer, 'p/', Buffer.alloc(0));
    await put(peer, 'p/data/', Buffer.alloc(0));
    await put(peer, 'other');
    expect(await storage.isEmpty()).toBe(true);
    await put(peer, 'p/notes.txt');
    expect(await storage.isEmpty()).toBe(false);
  });

  it('keeps its connections, and does without those that the server has closed', async () => {
    const { peer, storage } = await startS3();
    await storage.prepare();
    for (let i = 0; i < 5; i++) await storage.isEmpty();
    expect(peer.connections).toBe(1);
    const { port } = peer;
    await peer.stop();
    await peer.listen(port);
    expect(await storage.isEmpty()).toBe(true);
  });

  it('ends what is under way when it is closed, and dials again when it is used after all', async () => {
    const { peer, storage } = await startS3();
    await storage.prepare();
    peer.fault = () => ({ kind: 'hang' });
    const hanging = Array.from({ length: 10 }, () =>
      expect(storage.isEmpty()).rejects.toMatchObject({ code: 'storageFailed' }),
    );
    await expect.poll(() => peer.asked.length).toBeGreaterThan(5);
    await storage.close();
    await Promise.all(hanging);
    peer.fault = () => undefined;
    expect(await storage.isEmpty()).toBe(true);
  });

  it('finds again what a peer with a folder has stored', async () => {
    const folder = await temporaryFolder();
    const first = await S3Peer.start({ folder });
    const storage = storageOn(first, { hashBodies: true });
    await storage.prepare();
    await storage.write('lock', someName, [Buffer.from('x')]);
    await first.stop();
    const again = storageOn(await S3Peer.start({ folder }));
    expect(await namesOf(again, 'lock')).toEqual([someName]);
  });
});

describe('the address of an S3 storage', () => {
  const login = { accessKey: 'a', secretKey: 'b' };
  it.each([
    'ftp://host/bucket',
    'host/bucket',
    'http://host',
    'http://host/',
    'http://user:secret@host/bucket',
    'http://host/bucket?x=1',
    'http://host/bucket#x',
    'http://host/b',
    'http://host/bu%zzcket',
    'http://host/%2e%2e%2fbucket/x',
    `http://host/bucket/${'x'.repeat(1000)}`,
  ])('%s is refused', (url) => {
    expect(() => new S3Storage({ ...login, url })).toThrow(expect.objectContaining({ code: 'invalidValue' }));
    expect(() => new S3Storage({ ...login, url })).not.toThrow(/secret/u);
  });

  it.each([
    ['https://s3.example.com/bucket', 's3:https://s3.example.com/bucket'],
    ['http://[::1]:9000/bucket/a/b/', 's3:http://[::1]:9000/bucket/a/b'],
    ['https://host:443/my.bucket//a', 's3:https://host/my.bucket/a'],
  ])('%s is understood', (url, location) => {
    expect(new S3Storage({ ...login, url }).location).toBe(location);
  });

  it.each([
    { accessKey: '' },
    { accessKey: 'a/b' },
    { accessKey: 'a\r\nx: y' },
    { secretKey: '' },
    { region: 'us east' },
    { region: '' },
    { caCertificate: 'not a certificate' },
  ])('%j is refused', (change) => {
    const options = { ...login, url: 'http://host/bucket', ...change };
    expect(() => new S3Storage(options)).toThrow(expect.objectContaining({ code: 'invalidValue' }));
  });
});
