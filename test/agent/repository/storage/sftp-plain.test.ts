import { describe, expect, it, onTestFinished } from 'vitest';
import { SftpStorage } from '../../../../agent/repository/storage/sftp.ts';
import { hostKeyKind, otherHostKeys, parseFingerprint } from '../../../../shared/node/ssh-host-key.ts';
import { parseFileSystem, SftpStatusError, writeError } from '../../../../agent/repository/storage/sftp-errors.ts';
import { inOrder } from '../../../../agent/repository/storage/sftp-folders.ts';
import { piecesOf } from '../../../../agent/repository/storage/sftp-transfer.ts';
import { testBytes } from '../../../helpers/byte-sources.ts';
import { packet, PlainSftpServer } from '../../../helpers/plain-sftp-server.ts';
import { storageSuite } from '../../../suites/storage-suite.ts';

const name = 'ab'.repeat(32);

function storageOn(server: PlainSftpServer, change: { password?: string; stallMs?: number } = {}): SftpStorage {
  const storage = new SftpStorage({ ...server.options(), ...change });
  onTestFinished(() => storage.close());
  return storage;
}

storageSuite('sftp without any extension', async () => storageOn(await PlainSftpServer.start()));

describe('SFTP with a server that offers little', () => {
  it('moves large files through short reads and small packets', async () => {
    const storage = storageOn(await PlainSftpServer.start());
    const bytes = testBytes(1_000_001, 1);
    await storage.write('data', name, [bytes.subarray(0, 400_000), bytes.subarray(400_000)]);
    expect((await storage.read('data', name)).equals(bytes)).toBe(true);
  });

  it('takes a file of the same size for the same and replaces a torn one, leaving no temporary file', async () => {
    const server = await PlainSftpServer.start();
    const storage = storageOn(server);
    await storage.write('index', name, [Buffer.from('whole')]);
    await storage.write('index', name, [Buffer.from('whole')]);
    server.files.set(`r/index/${name}`, Buffer.from('who'));
    await storage.write('index', name, [Buffer.from('whole')]);
    expect(Array.from(server.files)).toEqual([[`r/index/${name}`, Buffer.from('whole')]]);
  });

  it('answers the question for a password and says denied when it is wrong', async () => {
    const server = await PlainSftpServer.start();
    const storage = storageOn(server, { password: 'hunter2' });
    const error: unknown = await storage.isEmpty().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'storageDenied' });
    expect(String(error)).not.toContain('hunter2');
  });
});

describe('SFTP with a hostile server', () => {
  it.each([2 ** 60, 2 ** 31])('does not allocate a file that is said to have %d bytes', async (size) => {
    const server = await PlainSftpServer.start();
    const storage = storageOn(server);
    await storage.write('index', name, [Buffer.from('x')]);
    server.wrongSize = size;
    await expect(storage.read('index', name)).rejects.toMatchObject({
      code: size > Number.MAX_SAFE_INTEGER ? 'storageFailed' : 'repositoryDamaged',
    });
  });

  const version = packet(2, Buffer.from([0, 0, 0, 3]));
  const id = Buffer.alloc(4);
  it.each([
    ['a negative packet length', Buffer.from([0xff, 0xff, 0xff, 0xff, 1, 2, 3])],
    ['a packet without end', Buffer.from([0x7f, 0xff, 0xff, 0xff, 101])],
    ['an unknown packet', packet(77)],
    ['success instead of a handle', packet(101, Buffer.concat([id, Buffer.alloc(12)]))],
    ['names instead of a handle', packet(104, Buffer.concat([id, Buffer.alloc(4)]))],
    ['a million names in no bytes', packet(104, Buffer.concat([id, Buffer.from([0, 0x10, 0, 0])]))],
    ['an empty handle', packet(102, Buffer.concat([id, Buffer.alloc(4)]))],
    ['nothing', Buffer.alloc(0)],
  ])('fails and may try again after %s', async (_what, bytes) => {
    const server = await PlainSftpServer.start();
    server.speak = (channel) => {
      let packets = 0;
      // The first packet is the greeting, the second our first request.
      channel.on('data', () => channel.write(packets++ === 0 ? version : bytes));
    };
    const storage = storageOn(server, { stallMs: 200 });
    await expect(storage.readConfig()).rejects.toMatchObject({ code: 'storageFailed' });
    await expect(storage.isEmpty()).rejects.toMatchObject({ code: 'storageFailed' });
  });
});

describe('parts of the SFTP storage', () => {
  it('cuts large parts without copying and puts small ones together', () => {
    const large = Buffer.alloc(100_000, 1);
    const parts = [Buffer.alloc(10, 2), Buffer.alloc(0), Buffer.alloc(20, 3), large, Buffer.alloc(5, 4)];
    const pieces = Array.from(piecesOf(parts, 40_000));
    expect(pieces.map(({ offset, bytes }) => [offset, bytes.length])).toEqual([
      [0, 30],
      [30, 40_000],
      [40_030, 40_000],
      [80_030, 20_000],
      [100_030, 5],
    ]);
    expect(Buffer.concat(pieces.map(({ bytes }) => bytes)).equals(Buffer.concat(parts))).toBe(true);
    expect(pieces[1]?.bytes.buffer).toBe(large.buffer);
    expect(Array.from(piecesOf([]))).toEqual([]);
    const many = Array.from({ length: 30 }, () => Buffer.alloc(3000));
    expect(Array.from(piecesOf(many, 40_000), ({ bytes }) => bytes.length)).toEqual([39_000, 39_000, 12_000]);
  });

  it('tells a full file system from a read-only one and from other failures', () => {
    const answer = { f_frsize: 4096, f_bavail: 10, f_files: 100, f_favail: 5, f_flag: 2 };
    const codeFor = (change: Partial<typeof answer>) =>
      writeError('p', new SftpStatusError(4, 'Failure'), parseFileSystem({ ...answer, ...change }), 40_000);
    expect(codeFor({})).toMatchObject({ code: 'storageFailed' });
    expect(codeFor({ f_bavail: 9 })).toMatchObject({ code: 'storageFull' });
    expect(codeFor({ f_favail: 0 })).toMatchObject({ code: 'storageFull' });
    expect(codeFor({ f_favail: 0, f_files: 0 })).toMatchObject({ code: 'storageFailed' });
    expect(codeFor({ f_flag: 3 })).toMatchObject({ code: 'storageDenied' });
    expect(parseFileSystem({ ...answer, f_bavail: 'much' })).toBeUndefined();
    expect(writeError('p', new SftpStatusError(3, 'no'), undefined, 1)).toMatchObject({ code: 'storageDenied' });
    expect(writeError('p', new SftpStatusError(2, 'no'), undefined, 1)).toMatchObject({ code: 'storageFailed' });
  });

  it('reads fingerprints and knows which kinds of key are left', () => {
    const fingerprint = `SHA256:${'b'.repeat(43)}`;
    expect(parseFingerprint(` ${fingerprint}=\n`)).toBe(fingerprint);
    expect(() => parseFingerprint('SHA256:short')).toThrow('fingerprint');
    expect(hostKeyKind(Buffer.from('\0\0\0\x07ssh-rsa\0\0', 'latin1'))).toBe('rsa-sha2-512');
    expect(hostKeyKind(Buffer.from([9]))).toBe('');
    expect(otherHostKeys(['ssh-ed25519', 'ecdsa-sha2-nistp384'])).toEqual(['rsa-sha2-512', 'rsa-sha2-256']);
  });

  it('reads ahead in order, and gives back what it started', async () => {
    const open = new Set<number>();
    let most = 0;
    const sources = Array.from(
      { length: 6 },
      (_, n) =>
        async function* items() {
          open.add(n);
          most = Math.max(most, open.size);
          try {
            yield* [n * 10, n * 10 + 1];
          } finally {
            open.delete(n);
          }
        },
    );
    const all: number[] = [];
    for await (const item of inOrder(sources, 3)) all.push(item);
    expect(all).toEqual([0, 1, 10, 11, 20, 21, 30, 31, 40, 41, 50, 51]);
    expect(most).toBe(3);
    for await (const item of inOrder(sources, 3)) if (item === 11) break;
    expect(open.size).toBe(0);
    const failing = async function* broken(): AsyncGenerator<number> {
      yield* [];
      throw new Error('broken');
    };
    const some: number[] = [];
    const run = async () => {
      for await (const item of inOrder([...sources.slice(0, 2), failing, ...sources.slice(2)], 9)) some.push(item);
    };
    await expect(run()).rejects.toThrow('broken');
    expect(some).toEqual([0, 1, 10, 11]);
    expect(open.size).toBe(0);
  });
});
