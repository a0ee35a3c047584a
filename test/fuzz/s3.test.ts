import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { parseErrorFields, parsePage } from '../../agent/repository/storage/s3-answers.ts';
import { parseS3Address } from '../../agent/repository/storage/s3-address.ts';
import { problemError, readProblem } from '../../agent/repository/storage/s3-errors.ts';
import { S3Storage } from '../../agent/repository/storage/s3.ts';
import { parseFingerprint, hostKeyKind } from '../../shared/node/ssh-host-key.ts';
import { fuzz } from './fuzz.ts';
import { mutateBytes, mutateText, pick, seeded } from './mutate.ts';

const name = 'ab'.repeat(32);
const page = `<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>bucket</Name><Prefix>data/</Prefix>
<EncodingType>url</EncodingType><IsTruncated>true</IsTruncated><NextContinuationToken>a&amp;b</NextContinuationToken>
<Contents><Key>data%2F${name}</Key><Size>17</Size><Owner><ID>1</ID></Owner></Contents>
<Contents><Key>other</Key><Size>0</Size></Contents></ListBucketResult>`;
const lastPage = '<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>';
const refusal = `<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>no &#x41; way</Message><Region>eu</Region></Error>`;
const tokens = [
  '<',
  '>',
  '</',
  '/>',
  '&',
  '&amp;',
  '&#0;',
  '&#x110000;',
  '<Contents>',
  '</Contents>',
  '<Key>',
  '<Size>',
]
  .concat(['<!--', ']]>', '<![CDATA[', '<!DOCTYPE a [<!ENTITY b "c">]>', '<?xml', '%', '%2', '%ff', '-1', '1e9', '\0'])
  .concat(['<IsTruncated>', '<NextContinuationToken>', '<a>', ' xmlns="x"']);

describe('a hostile S3 server', () => {
  it('in a page of a listing', async () => {
    await fuzz({
      make: (random) => mutateText([page, lastPage], tokens, random),
      parse: (document) => {
        const { objects, next } = parsePage(document);
        expect(objects.length).toBeLessThanOrEqual(1000);
        for (const { key, sizeBytes } of objects) {
          expect(typeof key).toBe('string');
          expect(Number.isSafeInteger(sizeBytes) && sizeBytes >= 0).toBe(true);
        }
        if (next !== undefined) expect(next).not.toBe('');
      },
    });
  });

  it('in a refusal: what it says never leaves its line', async () => {
    await fuzz({
      make: (random) => ({
        body: Buffer.from(mutateText([refusal, page, '<html>proxy</html>'], tokens, random)),
        status: pick([301, 400, 403, 404, 500, 503, 999], random),
        date: mutateText(['Sat, 21 Nov 2026 10:00:00 GMT'], tokens, random),
      }),
      parse: ({ body, status, date }) => {
        expect(parseErrorFields(body.toString()).size).toBeLessThanOrEqual(16);
        const problem = readProblem({ status, headers: { date }, body });
        const { message } = problemError('bucket', problem, Date.UTC(2026, 10, 21));
        expect(message).not.toMatch(/\p{Cc}/u);
        expect(message.length).toBeLessThan(4000);
      },
      leastShare: -1,
    });
  });

  it('through a real socket: every call is settled', async () => {
    const corpus = [page, lastPage, refusal, 'x'.repeat(30)].flatMap((body) =>
      [
        '200 OK',
        '206 Partial Content',
        '204 No Content',
        '301 Moved',
        '403 Forbidden',
        '404 Not Found',
        '503 Slow Down',
      ].map((head) =>
        Buffer.from(
          `HTTP/1.1 ${head}\r\nContent-Length: ${body.length}\r\nContent-Range: bytes 0-29/99\r\nETag: "a"\r\n\r\n${body}`,
        ),
      ),
    );
    let current: Buffer = Buffer.alloc(0);
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
      // Half of them answer before they have heard anything, and half leave the line open.
      if (current.length % 2 === 0) socket.write(current);
      else socket.once('data', () => socket.end(current));
      socket.resume();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/bucket/prefix`;
    try {
      for (let seed = 1; seed <= Number(process.env['FUZZ_CASES'] ?? '2000') / 20; seed++) {
        current = mutateBytes(corpus, seeded(seed));
        await expectSettled(new S3Storage({ url, accessKey: 'key', secretKey: 'secret', stallMs: 100 }), seed);
      }
    } finally {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    }
  });
});

/** Asks for everything at once and takes any answer, but no silence and no error of ours. */
async function expectSettled(storage: S3Storage, seed: number): Promise<void> {
  const codes = ['storageFailed', 'storageDenied', 'storageFull', 'notFound', 'repositoryDamaged', 'unsupported'];
  const calls = [
    storage.isEmpty(),
    storage.readConfig(),
    storage.read('data', name, { offset: 0, length: 30 }),
    storage.size('index', name),
    storage.write('lock', name, [Buffer.alloc(100_000)]),
    storage.remove('lock', name),
    firstOf(storage.list('data')),
  ];
  const slow = new Promise((_, reject) => setTimeout(reject, 10_000, new Error(`seed ${seed} is not settled`)).unref());
  for (const outcome of await Promise.race([Promise.allSettled(calls), slow as Promise<never>])) {
    if (outcome.status === 'fulfilled') continue;
    const { code } = outcome.reason as { code?: string };
    if (code === undefined || !codes.includes(code)) throw new Error(`seed ${seed}`, { cause: outcome.reason });
  }
  await storage.close();
}

/** A server that always says that the listing goes on would be listened to for ever: that is the caller's to stop. */
async function firstOf<T>(rows: AsyncIterable<T>): Promise<T | undefined> {
  for await (const row of rows) return row;
  return undefined;
}

describe('what people paste', () => {
  it('as the address of a bucket', async () => {
    const corpus = ['https://host:9000/bucket/a/b', 'http://[::1]:80/bucket', 'https://s3.eu.example/b.c-d/%20'];
    const pieces = ['/', '..', '%', '%2f', '%00', '@', ':', '?', '#', '[', ']', ' ', '\\', 'http://', '\r\n', 'é'];
    await fuzz({
      make: (random) => mutateText(corpus, pieces, random),
      parse: (text) => {
        const { bucket, prefix, port } = parseS3Address(text);
        expect(bucket).toMatch(/^[A-Za-z0-9][A-Za-z0-9._-]+$/u);
        expect(prefix === '' || prefix.endsWith('/')).toBe(true);
        expect(port >= 0 && port < 65_536).toBe(true);
      },
    });
  });

  it('as a host key, and what a server sends as one', async () => {
    const corpus = [`SHA256:${'A'.repeat(43)}`, ` SHA256:${'b'.repeat(43)}= \n`];
    await fuzz({
      make: (random) => mutateText(corpus, ['SHA256:', '=', ' ', 'MD5:', '\n', 'A'], random),
      parse: (text) => {
        expect(parseFingerprint(text)).toMatch(/^SHA256:[A-Za-z0-9+/]{43}$/u);
      },
    });
    await fuzz({
      make: (random) => mutateBytes([Buffer.from('\0\0\0\u000bssh-ed25519key')], random),
      parse: (blob) => {
        expect(hostKeyKind(blob).length).toBeLessThanOrEqual(64);
      },
      leastShare: -1,
    });
  });
});
