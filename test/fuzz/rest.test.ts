import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { parseTarget } from '../../agent/exports/serve-repo/target.ts';
import { Refusal } from '../../agent/exports/serve-repo/refusal.ts';
import { ListingParser } from '../../agent/repository/storage/rest-listing.ts';
import { RestStorage } from '../../agent/repository/storage/rest.ts';
import { isFileName } from '../../agent/repository/storage/storage.ts';
import { fuzz } from './fuzz.ts';
import { mutateBytes, mutateText, pick, type Random, seeded } from './mutate.ts';

const name = 'ab'.repeat(32);
const listings = [
  `[{"name":"${name}","size":17}]`,
  `[\n  {"name":"${'0'.repeat(64)}","size":0},\n  {"size":9007199254740991,"name":"${name}"}\n]\n`,
  '[]',
  'null',
];
const tokens = [
  '[',
  ']',
  '{',
  '}',
  ',',
  ':',
  '"',
  '\\',
  '"name"',
  '"size":',
  'null',
  '-1',
  '1e99',
  '\\u0000',
  `"${name}"`,
];

/** In chunks as they could come out of a socket. */
function* cut(bytes: Buffer, random: Random): Generator<Buffer> {
  for (let at = 0; at < bytes.length; ) {
    const length = 1 + random(pick([2, 50, 5000, 100_000], random));
    yield bytes.subarray(at, at + length);
    at += length;
  }
}

describe('a hostile REST server', () => {
  it('in its listings', async () => {
    await fuzz({
      make: (random) => [...cut(Buffer.from(mutateText(listings, tokens, random)), random)],
      parse: (chunks) => {
        const parser = new ListingParser('listing');
        for (const chunk of chunks) for (const file of parser.feed(chunk)) expect(isFileName(file.name)).toBe(true);
        parser.end();
      },
    });
  });

  it('says the same of a listing however it is cut', () => {
    for (let seed = 1; seed <= 300; seed++) {
      const random = seeded(seed);
      const bytes = Buffer.from(mutateText(listings, tokens, random));
      const outcome = (chunks: Iterable<Buffer>) => {
        const found: unknown[] = [];
        const parser = new ListingParser('listing');
        try {
          for (const chunk of chunks) found.push(...parser.feed(chunk));
          parser.end();
          return found;
        } catch (error) {
          return (error as { code?: string }).code;
        }
      };
      expect([seed, outcome(cut(bytes, random))]).toEqual([seed, outcome([bytes])]);
    }
  });

  it('through a real socket: every call is settled', async () => {
    const body = `[{"name":"${name}","size":17}]`;
    const heads = [
      '200 OK',
      '206 Partial Content',
      '404 Not Found',
      '403 Forbidden',
      '100 Continue',
      '302 Found',
      '507 Full',
    ];
    const corpus = heads.flatMap((head) => [
      Buffer.from(`HTTP/1.1 ${head}\r\nContent-Length: ${body.length}\r\nContent-Range: bytes 0-29/99\r\n\r\n${body}`),
      Buffer.from(`HTTP/1.1 ${head}\r\nTransfer-Encoding: chunked\r\n\r\n1d\r\n${body}\r\n0\r\n\r\n`),
    ]);
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
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    try {
      for (let seed = 1; seed <= 100; seed++) {
        const random = seeded(seed);
        current = mutateBytes(corpus, random);
        await expectSettled(new RestStorage({ url, stallMs: 100, dialTimeoutMs: 2000 }), seed);
      }
    } finally {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    }
  });
});

/** Asks for everything at once and takes any answer, but no silence and no error of ours. */
async function expectSettled(storage: RestStorage, seed: number): Promise<void> {
  const codes = ['storageFailed', 'storageDenied', 'storageFull', 'notFound', 'repositoryDamaged', 'unsupported'];
  const calls = [
    storage.isEmpty(),
    storage.readConfig(),
    storage.read('data', name, { offset: 0, length: 30 }),
    storage.size('index', name),
    storage.write('lock', name, [Buffer.alloc(100_000)]),
    storage.remove('lock', name),
  ];
  const slow = new Promise((_, reject) => setTimeout(reject, 10_000, new Error(`seed ${seed} is not settled`)).unref());
  for (const outcome of await Promise.race([Promise.allSettled(calls), slow as Promise<never>])) {
    if (outcome.status === 'fulfilled') continue;
    const { code } = outcome.reason as { code?: string };
    if (code === undefined || !codes.includes(code)) throw new Error(`seed ${seed}`, { cause: outcome.reason });
  }
  await storage.close();
}

describe('a hostile REST client', () => {
  it('in the address', async () => {
    const addresses = [`/a/b/data/${name}`, '/config', '/r/keys/', '/r/?create=true', `/%61/locks/${name}`];
    const pieces = [
      '/',
      '..',
      '%2e',
      '%2f',
      '%',
      '?',
      '//',
      'data',
      'config',
      '\\',
      '%00',
      name,
      'keys',
      '.',
      '~',
      '@',
    ];
    await fuzz({
      make: (random) => mutateText(addresses, pieces, random),
      parse: (address) => {
        try {
          const target = parseTarget(address);
          for (const folder of target.repository) expect(folder).toMatch(/^[A-Za-z0-9_][A-Za-z0-9._@+-]*$/u);
          if (target.kind === 'file') expect(isFileName(target.name)).toBe(true);
        } catch (error) {
          if (!(error instanceof Refusal)) throw error;
        }
      },
      leastShare: -1,
    });
  });
});
