import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { signRequest } from '../../../agent/repository/storage/s3-signature.ts';
import { missingCeph, TestCeph } from '../../helpers/ceph.ts';
import type { Lab } from '../../helpers/programs.ts';
import { S3Peer } from '../../helpers/s3-peer/s3-peer.ts';
import { HttpPutter } from './put-http.ts';
import { type BenchServer, inFlight, inParallel, putBytes } from './server.ts';

interface Server {
  name: string;
  url: string;
  login: { accessKey: string; secretKey: string };
  stop(): Promise<void>;
}

/** Ceph's gateway where it is installed, else the strict server of the tests, which keeps everything in memory. */
async function startServer(lab: Lab): Promise<Server> {
  if (missingCeph === undefined) {
    const ceph = await TestCeph.start();
    return { name: 'S3: Ceph RGW', url: ceph.url, login: ceph.login, stop: () => ceph.stop() };
  }
  process.stderr.write(`No Ceph, so S3 is the strict server of the tests: ${missingCeph}\n`);
  const folder = await mkdtemp(join(lab.folder, 's3-'));
  const peer = await S3Peer.open({ folder });
  const stop = async () => {
    await peer.stop();
    await rm(folder, { recursive: true, force: true });
  };
  return { name: 'S3: strict server of the tests', url: peer.url, login: peer.login, stop };
}

export async function startS3(lab: Lab): Promise<BenchServer> {
  const server = await startServer(lab);
  const { name, url } = server;
  const { accessKey, secretKey } = server.login;
  const credentials = { accessKey, secretKey, region: 'us-east-1' };
  const secretFile = await lab.passwordFile(secretKey);
  const putter = new HttpPutter();
  const body = randomBytes(putBytes);
  const hash = createHash('sha256').update(body).digest('hex');
  const put = async (path: string, bytes: Buffer, payloadHash: string) => {
    const signable = { method: 'PUT', path, headers: { host: new URL(url).host }, payloadHash };
    await putter.put('PUT', `${url}${path}`, signRequest(signable, credentials, Date.now()), bytes);
  };
  await put('/bench', Buffer.alloc(0), createHash('sha256').digest('hex'));
  return {
    name,
    async poolOptions(place) {
      return ['--kind', 's3', '--url', `${url}/bench/${place}`, '--access-key', accessKey, '--secret-file', secretFile];
    },
    // The same few keys again and again: the disk of the test is small.
    putBare: (count) => inParallel(count, (number) => put(`/bench/bare/${number % inFlight}`, body, hash)),
    async stop() {
      putter.close();
      await server.stop();
    },
  };
}
