import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type S3Options, S3Storage } from '../../agent/repository/storage/s3.ts';
import { BufferSource, sha256, testBytes } from '../helpers/byte-sources.ts';
import { missingCeph, TestCeph } from '../helpers/ceph.ts';
import { lacking } from '../helpers/needs.ts';
import { backUp, newRepository, storeDisk, vmTree } from '../helpers/repositories.ts';
import { hasRestic, Restic } from '../helpers/restic.ts';
import { CuttingRelay } from '../helpers/cutting-relay.ts';
import { storageSuite } from '../suites/storage-suite.ts';

const MiB = 1024 * 1024;
const bytes = testBytes(6 * MiB, 5);
const name = sha256(bytes);
const denied = { code: 'storageDenied' };
const failed = { code: 'storageFailed' };
const text = (part: string) => expect.stringContaining(part) as string;

let ceph: TestCeph;

/** A storage in a prefix, or a bucket, of its own. */
function storageOn(change: Partial<S3Options> & { bucket?: string } = {}): S3Storage {
  const { bucket = 'shared', ...options } = change;
  const url = `${ceph.url}/${bucket}/${randomUUID()}`;
  const storage = new S3Storage({ url, ...ceph.login, ...options });
  onTestFinished(() => storage.close());
  return storage;
}

/** From what part of the disk on Ceph takes no more; the milder limits must not lie above. */
async function setFullRatio(ratio: string): Promise<void> {
  for (const limit of ['nearfull', 'backfillfull', 'full']) await ceph.ceph('osd', `set-${limit}-ratio`, ratio);
}

async function prepared(change: Parameters<typeof storageOn>[0] = {}): Promise<S3Storage> {
  const storage = storageOn(change);
  await storage.prepare();
  return storage;
}

describe.skipIf(lacking(missingCeph))('S3 storage on a real Ceph', () => {
  beforeAll(async () => {
    ceph = await TestCeph.start();
  }, 180_000);
  afterAll(() => ceph.stop());

  storageSuite('s3 on Ceph', () => Promise.resolve(storageOn({ hashBodies: true, bucket: `b${randomUUID()}` })));

  it('stores a pack whole and gives it back by range', async () => {
    const storage = await prepared();
    await storage.write('data', name, [bytes.subarray(0, MiB), bytes.subarray(MiB)]);
    expect((await storage.read('data', name)).equals(bytes)).toBe(true);
    const part = await storage.read('data', name, { offset: 5, length: 3 * MiB });
    expect(part.equals(bytes.subarray(5, 5 + 3 * MiB))).toBe(true);
  });

  it('refuses content that is not what its name says', async () => {
    const storage = await prepared();
    await expect(storage.write('data', name, [Buffer.from('other')])).rejects.toMatchObject(failed);
    await expect(storage.size('data', name)).rejects.toMatchObject({ code: 'notFound' });
  });

  it('lists more than a page, below a prefix with odd characters', async () => {
    const url = `${ceph.url}/shared/${encodeURI(`${randomUUID()}/a b+c/ü&<>'"`)}`;
    const storage = new S3Storage({ ...ceph.login, url });
    onTestFinished(() => storage.close());
    await storage.prepare();
    const names = Array.from({ length: 1100 }, (_, i) => sha256(Buffer.from(String(i))));
    for (let at = 0; at < names.length; at += 20)
      await Promise.all(
        names.slice(at, at + 20).map((one, i) => storage.write('data', one, [Buffer.from(String(at + i))])),
      );
    const found: string[] = [];
    for await (const file of storage.list('data')) found.push(file.name);
    expect(found.sort()).toEqual([...names].sort());
  });

  it('tells wrong keys and clocks apart', async () => {
    const wrongSecret = storageOn({ secretKey: 'wrong' });
    await expect(wrongSecret.isEmpty()).rejects.toMatchObject({ ...denied, hint: text('secret key') });
    await expect(wrongSecret.write('data', name, [bytes])).rejects.toMatchObject({
      ...denied,
      hint: text('secret key'),
    });
    await expect(wrongSecret.size('data', name)).rejects.toMatchObject({ ...denied, hint: text('secret key') });
    await expect(storageOn({ accessKey: 'UNKNOWN' }).isEmpty()).rejects.toMatchObject({
      ...denied,
      hint: text('access key'),
    });
    const now = () => Date.now() - 20 * 60_000;
    const skewed = { ...denied, hint: text(new Date(now()).toUTCString().slice(0, 16)) };
    await expect(storageOn({ now }).isEmpty()).rejects.toMatchObject(skewed);
    await expect(storageOn({ now }).write('data', name, [bytes])).rejects.toMatchObject(skewed);
    await (await prepared({ now: () => Date.now() + 10 * 60_000 })).write('data', name, [bytes]);
  });

  it('shows nothing of an upload that was cut, and takes it again', async () => {
    const relay = await CuttingRelay.to(ceph.port);
    const path = `shared/${randomUUID()}`;
    await prepared();
    const storage = new S3Storage({ ...ceph.login, url: `http://127.0.0.1:${relay.port}/${path}` });
    onTestFinished(() => storage.close());
    relay.cutAfter(3 * MiB);
    await expect(storage.write('data', name, [bytes])).rejects.toMatchObject(failed);
    await expect(storage.size('data', name)).rejects.toMatchObject({ code: 'notFound' });
    await storage.write('data', name, [bytes]);
    expect(await storage.size('data', name)).toBe(bytes.length);
  });

  it('is full at the quota', async () => {
    const keys = { accessKey: 'QUOTAKEY', secretKey: 'QUOTASECRET' };
    const user = '--uid=quota';
    const login = ['--access-key', keys.accessKey, '--secret-key', keys.secretKey];
    await ceph.admin('user', 'create', user, '--display-name=quota', ...login);
    await ceph.admin('quota', 'set', '--quota-scope=user', user, '--max-size=10M');
    await ceph.admin('quota', 'enable', '--quota-scope=user', user);
    const storage = await prepared({ ...keys, bucket: 'quota' });
    const writes = async () => {
      for (let seed = 1; seed <= 4; seed++) {
        const pack = testBytes(16 * MiB, seed);
        await storage.write('data', sha256(pack), [pack]);
      }
    };
    await expect(writes()).rejects.toMatchObject({ code: 'storageFull' });
  });

  it('is waited for only so long when the disk is full, and works again afterwards', async () => {
    const storage = await prepared({ stallMs: 3000 });
    await storage.write('data', name, [bytes]);
    await setFullRatio('0.001');
    const small = Buffer.from('x');
    await expect
      .poll(
        () =>
          storage.write('lock', sha256(small), [small]).then(
            () => 'stored',
            () => 'failed',
          ),
        { timeout: 60_000 },
      )
      .toBe('failed');
    await expect(storage.remove('data', name)).rejects.toMatchObject(failed);
    expect(await storage.size('data', name)).toBe(bytes.length);
    await setFullRatio('0.95');
    await expect
      .poll(
        () =>
          storage.write('lock', sha256(small), [small]).then(
            () => 'stored',
            () => 'failed',
          ),
        { timeout: 60_000 },
      )
      .toBe('stored');
  });

  it('may lose its disk for seconds in the middle of a write', async () => {
    const storage = await prepared();
    const packs = [1, 2, 3].map((seed) => testBytes(16 * MiB, seed));
    const writes = Promise.all(packs.map((pack) => storage.write('data', sha256(pack), [pack])));
    await sleep(100);
    await ceph.kill('osd');
    await sleep(2000);
    ceph.startDisk();
    await writes;
    for (const pack of packs) expect((await storage.read('data', sha256(pack))).equals(pack)).toBe(true);
  });

  it.skipIf(lacking(hasRestic ? undefined : 'restic is not installed'))(
    'holds what restic finds no fault with',
    async () => {
      const storage = storageOn();
      const repository = await newRepository(storage);
      const disk = testBytes(40 * MiB, 3);
      await backUp(
        repository,
        (writer) => storeDisk(writer, new BufferSource(disk)),
        (stored) => vmTree({ vda: stored.content }),
      );
      const restic = await Restic.at(storage.location);
      const { accessKey, secretKey } = ceph.login;
      const env = { ...process.env, AWS_ACCESS_KEY_ID: accessKey, AWS_SECRET_ACCESS_KEY: secretKey };
      expect((await restic.run(['check', '--read-data'], { env })).stdout).toContain('no errors were found');
    },
  );
});
