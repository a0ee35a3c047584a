import { generate } from 'selfsigned';
import { describe, expect, it } from 'vitest';
import { RetryingStorage } from '../../../../agent/repository/storage/retrying.ts';
import { S3Storage } from '../../../../agent/repository/storage/s3.ts';
import { fingerprintOf } from '../../../../shared/node/tls.ts';
import { sha256, testBytes } from '../../../helpers/byte-sources.ts';
import { peerLogin, type S3Fault, S3Peer } from '../../../helpers/s3-peer/s3-peer.ts';
import { startS3, storageOn } from '../../../helpers/s3-peer/s3-storages.ts';
import { silentServer } from '../../../helpers/sshd.ts';

const MiB = 1024 * 1024;
const minute = 60_000;
const bytes = testBytes(3 * MiB, 5);
const name = sha256(bytes);
const failed = { code: 'storageFailed' };
const denied = { code: 'storageDenied' };
const text = (part: string) => expect.stringContaining(part) as string;

/** A peer that holds the file already. */
async function withFile(stallMs = 5000) {
  const { peer, storage } = await startS3({ stallMs });
  await storage.write('data', name, [bytes]);
  return { peer, storage };
}

describe('an S3 server that refuses', () => {
  it('an unknown access key or a wrong secret key, on every request', async () => {
    const { peer } = await startS3();
    const unknown = storageOn(peer, { accessKey: 'UNKNOWN' });
    await expect(unknown.isEmpty()).rejects.toMatchObject({ ...denied, hint: text('access key') });
    const wrong = storageOn(peer, { secretKey: 'not-the-one' });
    const hint = text('secret key');
    await expect(wrong.isEmpty()).rejects.toMatchObject({ ...denied, hint });
    await expect(wrong.size('data', name)).rejects.toMatchObject({ ...denied, hint });
    await expect(wrong.readConfig()).rejects.toMatchObject({ ...denied, hint });
    await expect(wrong.write('data', name, [bytes])).rejects.toMatchObject({ ...denied, hint });
    await expect(wrong.remove('data', name)).rejects.toMatchObject({ ...denied, hint });
    await expect(wrong.prepare()).rejects.not.toThrow('not-the-one');
  });

  it('a clock that goes 20 minutes wrong and says both times, and takes 10 minutes', async () => {
    const { peer, storage } = await startS3();
    peer.clockOffsetMs = 10 * minute;
    expect(await storage.isEmpty()).toBe(true);
    peer.clockOffsetMs = -20 * minute;
    const server = new Date(Date.now() + peer.clockOffsetMs).toISOString().slice(0, 10);
    const error: unknown = await storage.isEmpty().catch((problem: unknown) => problem);
    expect(error).toMatchObject({ ...denied, hint: text(server) });
    expect(error).toMatchObject({ hint: text(new Date().toUTCString().slice(0, 16)) });
    await expect(storage.size('data', name)).rejects.toMatchObject({ ...denied, message: text('clocks') });
  });

  it('what is over the quota', async () => {
    const { peer, storage } = await startS3();
    peer.quotaBytes = 2 * MiB;
    await expect(storage.write('data', name, [bytes])).rejects.toMatchObject({ code: 'storageFull' });
    expect(peer.keys('bucket')).toEqual([]);
  });

  it('a bucket of another region, which it names', async () => {
    const { peer, storage } = await startS3();
    const moved: S3Fault[] = [
      { kind: 'refuse', status: 301, code: 'PermanentRedirect', headers: { 'x-amz-bucket-region': 'eu-west-3' } },
      {
        kind: 'refuse',
        status: 307,
        code: 'TemporaryRedirect',
        more: { Region: 'eu-west-3' },
        headers: { location: 'http://127.0.0.1:1/' },
      },
      { kind: 'refuse', status: 400, code: 'AuthorizationHeaderMalformed', more: { Region: 'eu-west-3' } },
    ];
    for (const fault of moved) {
      peer.fault = () => fault;
      await expect(storage.isEmpty()).rejects.toMatchObject({ ...denied, hint: text('eu-west-3') });
    }
  });

  it.each([
    [503, 'SlowDown', 'storageFailed'],
    [500, 'InternalError', 'storageFailed'],
    [400, 'RequestTimeout', 'storageFailed'],
    [409, 'OperationAborted', 'storageFailed'],
    [429, '', 'storageFailed'],
    [502, '', 'storageFailed'],
    [403, 'AccessDenied', 'storageDenied'],
    [400, 'InvalidRequest', 'storageDenied'],
    [501, 'NotImplemented', 'storageDenied'],
    [507, '', 'storageFull'],
  ])('with status %i %s means %s', async (status, code, meaning) => {
    const { peer, storage } = await startS3();
    peer.fault = () => ({ kind: 'refuse', status, code });
    await expect(storage.write('data', name, [bytes])).rejects.toMatchObject({ code: meaning });
    await expect(storage.remove('data', name)).rejects.toMatchObject({ code: meaning });
    await expect(storage.size('data', name)).rejects.toMatchObject({ code: meaning });
  });

  it('cleans what the server says before it is shown', async () => {
    const { peer, storage } = await startS3();
    const code = `a\u0007\u001B[31m\u202Eb${'x'.repeat(5000)}`;
    peer.fault = () => ({ kind: 'refuse', status: 400, code });
    const error: unknown = await storage.isEmpty().catch((problem: unknown) => problem);
    expect(error).toMatchObject({ message: expect.not.stringMatching(/[\p{Cc}\p{Cf}]/u) as string });
    expect((error as Error).message.length).toBeLessThan(1000);
  });
});

describe('an S3 server that fails', () => {
  it('because it is gone', async () => {
    const { peer, storage } = await withFile();
    await peer.stop();
    await expect(storage.read('data', name)).rejects.toMatchObject(failed);
    await expect(storage.write('data', name, [bytes])).rejects.toMatchObject(failed);
    await expect(storage.isEmpty()).rejects.toMatchObject(failed);
  });

  it('by never answering is waited for so long and no longer', async () => {
    const { peer, storage } = await withFile(300);
    peer.fault = () => ({ kind: 'hang' });
    const began = Date.now();
    await expect(storage.write('lock', sha256(Buffer.from('x')), [Buffer.from('x')])).rejects.toMatchObject(failed);
    await expect(storage.read('data', name)).rejects.toMatchObject(failed);
    await expect(storage.remove('data', name)).rejects.toMatchObject(failed);
    // The peer does not read: most of this stays here.
    const large = testBytes(16 * MiB, 1);
    await expect(storage.write('data', sha256(large), [large])).rejects.toMatchObject(failed);
    expect(Date.now() - began).toBeLessThan(5000);
  });

  it('by listening without a word', async () => {
    const url = `http://127.0.0.1:${await silentServer()}/bucket`;
    const storage = new S3Storage({ ...peerLogin, url, stallMs: 200 });
    await expect(storage.isEmpty()).rejects.toMatchObject(failed);
    await storage.close();
  });

  it('by ending in the middle of an upload leaves nothing behind', async () => {
    const { peer, storage } = await startS3();
    peer.fault = () => ({ kind: 'cutUpload', afterBytes: MiB });
    await expect(storage.write('data', name, [bytes])).rejects.toMatchObject(failed);
    peer.fault = () => undefined;
    expect(peer.keys('bucket')).toEqual([]);
    await expect(storage.size('data', name)).rejects.toMatchObject({ code: 'notFound' });
    await storage.write('data', name, [bytes]);
    expect((await storage.read('data', name)).equals(bytes)).toBe(true);
  });

  it('by ending in the middle of a download', async () => {
    const { peer, storage } = await withFile();
    peer.fault = () => ({ kind: 'cutDownload', afterBytes: MiB });
    await expect(storage.read('data', name)).rejects.toMatchObject(failed);
    await expect(storage.read('data', name, { offset: 1, length: 2 * MiB })).rejects.toMatchObject(failed);
  });

  it('by standing still in the middle of a download', async () => {
    const { peer, storage } = await withFile(300);
    peer.fault = () => ({ kind: 'slowDownload', pauseMs: 2000 });
    const message = text('nothing came from the server for 300 ms');
    await expect(storage.read('data', name)).rejects.toMatchObject({ ...failed, message });
  });

  it('by speaking http where https is expected', async () => {
    const { peer } = await startS3();
    const storage = storageOn(peer, { url: `${peer.url.replace('http', 'https')}/bucket` });
    await expect(storage.isEmpty()).rejects.toMatchObject(failed);
  });

  it('by being slow is no failure as long as there is progress', async () => {
    const { peer, storage } = await withFile(400);
    const small = testBytes(30_000, 2);
    await storage.write('index', sha256(small), [small]);
    peer.fault = () => ({ kind: 'slowDownload', pauseMs: 30 });
    expect((await storage.read('index', sha256(small))).equals(small)).toBe(true);
    peer.fault = () => ({ kind: 'slowUpload', pauseMs: 20 });
    await storage.write('data', name, [bytes]);
  });

  it('now and then does not show behind retries, and a lost answer does no harm', async () => {
    const { peer, storage } = await startS3();
    const patient = new RetryingStorage(storage, { firstDelayMs: 1 });
    const faults: (S3Fault | undefined)[] = [
      { kind: 'cutUpload', afterBytes: MiB },
      { kind: 'refuse', status: 503, code: 'SlowDown' },
      { kind: 'loseAnswer' },
    ];
    peer.fault = () => faults.shift();
    await patient.write('data', name, [bytes]);
    expect(peer.keys('bucket')).toHaveLength(1);
    faults.push({ kind: 'cutDownload', afterBytes: 10 }, { kind: 'refuse', status: 500, code: 'InternalError' });
    expect((await patient.read('data', name)).equals(bytes)).toBe(true);
  });

  it('by refusing before it has the whole file is understood', async () => {
    const { peer, storage } = await startS3();
    const large = testBytes(16 * MiB, 1);
    peer.fault = () => ({ kind: 'refuse', status: 403, code: 'QuotaExceeded' });
    await expect(storage.write('data', sha256(large), [large])).rejects.toMatchObject({ code: 'storageFull' });
    const body = '<Error><Code>QuotaExceeded</Code></Error>';
    peer.fault = () => ({
      kind: 'raw',
      text: `HTTP/1.1 403 Forbidden\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    });
    for (let i = 0; i < 5; i++)
      await expect(storage.write('data', sha256(large), [large])).rejects.toMatchObject({ code: 'storageFull' });
  });
});

describe('an S3 server with a certificate', () => {
  async function tlsPeer() {
    const altNames = [{ type: 7 as const, ip: '127.0.0.1' }];
    const made = await generate([{ name: 'commonName', value: 'peer' }], {
      ...{ keyType: 'ec', curve: 'P-256', algorithm: 'sha256' },
      extensions: [{ name: 'subjectAltName', altNames }],
    });
    const peer = await S3Peer.start({ tls: { key: made.private, cert: made.cert } });
    await peer.objects.makeBucket('bucket');
    const der = Buffer.from(made.cert.replace(/-----[^-]+-----|\s/gu, ''), 'base64');
    return { peer, caCertificate: made.cert, fingerprint: fingerprintOf(der) };
  }

  it('that the pool names is trusted', async () => {
    const { peer, caCertificate } = await tlsPeer();
    const storage = storageOn(peer, { caCertificate });
    await storage.write('data', name, [bytes]);
    expect((await storage.read('data', name)).equals(bytes)).toBe(true);
    expect(peer.connections).toBe(1);
  });

  it('that nobody knows, or another one, is refused with its fingerprint before anything is sent', async () => {
    const { peer, fingerprint } = await tlsPeer();
    const { caCertificate: other } = await tlsPeer();
    for (const options of [{}, { caCertificate: other }]) {
      const refused = { ...denied, message: text(fingerprint), hint: text('certificate') };
      await expect(storageOn(peer, options).isEmpty()).rejects.toMatchObject(refused);
    }
    expect(peer.asked).toEqual([]);
  });
});
