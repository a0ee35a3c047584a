import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { NbdClient } from '../../../agent/disks/nbd/nbd-client.ts';
import { NbdDisk } from '../../../agent/disks/nbd/nbd-disk.ts';
import { NbdTarget } from '../../../agent/disks/nbd/nbd-target.ts';
import type { FakeBehaviour, FakeRequest } from './fake-nbd-server.ts';
import {
  chunk,
  dataChunk,
  exportData,
  FakeNbdServer,
  holeChunk,
  optionReply,
  simpleReply,
  statusChunk,
} from './fake-nbd-server.ts';
import { allExtents, mib, noise } from './images.ts';

let folder: string;
let count = 0;
const closing: (() => Promise<void>)[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hf-nbd-'));
});
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function serve(behaviour: FakeBehaviour): Promise<{ socketPath: string; server: FakeNbdServer }> {
  const socketPath = join(folder, `${count++}.sock`);
  const server = await FakeNbdServer.listen(socketPath, behaviour);
  closing.push(() => server.close());
  return { socketPath, server };
}

async function open(behaviour: FakeBehaviour, signal = new AbortController().signal): Promise<NbdClient> {
  const { socketPath } = await serve(behaviour);
  const client = await NbdClient.connect(
    { socketPath, exportName: 'x', contexts: ['base:allocation'], timeoutMs: 2000 },
    signal,
  );
  closing.push(() => client.close());
  return client;
}

/** A server that answers every read by `answer`. */
const reading = (answer: FakeBehaviour['answer']): FakeBehaviour => ({ answer });

describe('a well-behaved server', () => {
  it('may answer late, in pieces and out of order', async () => {
    const held: FakeRequest[] = [];
    const client = await open(
      reading((request) => {
        held.push(request);
        if (held.length < 3) return [];
        return held
          .toReversed()
          .flatMap((one) => [
            holeChunk(one, one.offset + 600, 424, false),
            dataChunk(one, one.offset, noise(String(one.offset), 600), true),
          ]);
      }),
    );
    const answers = await Promise.all([0, 4096, 8192].map((offset) => client.read(offset, 1024)));
    answers.forEach((bytes, index) => {
      expect(bytes.equals(Buffer.concat([noise(String(index * 4096), 600), Buffer.alloc(424)]))).toBe(true);
    });
    expect(client.bytesRead).toBe(3072);
  });

  it('may lack structured replies: everything is data then', async () => {
    const client = await open({
      structured: false,
      answer: (request) => [simpleReply(request, 0, noise('s', request.length))],
    });
    const disk = new NbdDisk('d', 'raw', client);
    expect(await allExtents(disk)).toEqual([{ offset: 0, length: mib, zero: false }]);
    expect((await disk.read(0, 5000)).equals(noise('s', 5000))).toBe(true);
  });

  it('may fail one read without harm to the next', async () => {
    const client = await open(
      reading((request) => {
        if (request.offset > 0) return [dataChunk(request, request.offset, Buffer.alloc(512, 7), true)];
        const payload = Buffer.concat([Buffer.from([0, 0, 0, 5, 0, 3]), Buffer.from('bad'), Buffer.alloc(8)]);
        return [chunk(request, 0x8002, true, payload)];
      }),
    );
    await expect(client.read(0, 512)).rejects.toMatchObject({
      code: 'diskReadFailed',
      message: expect.stringContaining('EIO') as unknown,
    });
    expect((await client.read(512, 512))[0]).toBe(7);
  });

  it('may tell the status in short answers and beyond the question', async () => {
    const client = await open({
      sizeBytes: 10_000_000,
      answer: (request) => [
        statusChunk(
          request,
          7,
          [
            [4096, 0],
            [4096, 0],
            [0x7fff_ffff, 3],
          ],
          true,
        ),
      ],
    });
    const extents = await allExtents(new NbdDisk('d', 'raw', client));
    expect(extents).toEqual([
      { offset: 0, length: 8192, zero: false },
      { offset: 8192, length: 10_000_000 - 8192, zero: true },
    ]);
  });

  it('gets large reads in parts', async () => {
    const lengths: number[] = [];
    const client = await open({
      sizeBytes: 100 * mib,
      answer: (request) => {
        lengths.push(request.length);
        return [holeChunk(request, request.offset, request.length, true)];
      },
    });
    expect((await new NbdDisk('d', 'raw', client).read(mib, 70 * mib)).length).toBe(70 * mib);
    expect(lengths).toEqual([32 * mib, 32 * mib, 6 * mib]);
  });
});

describe('a hostile or broken server', () => {
  const status = (request: FakeRequest, ...pairs: (readonly [number, number])[]) => [
    statusChunk(request, 7, pairs, true),
  ];
  const reads: Record<string, (request: FakeRequest) => Buffer[]> = {
    'unknown magic': () => [Buffer.alloc(20, 1)],
    'an unknown handle': (request) => [
      dataChunk({ ...request, handle: Buffer.alloc(8, 9) }, 0, Buffer.alloc(512), true),
    ],
    'data before the range': (request) => [dataChunk(request, 0, Buffer.alloc(512), true)],
    'data beyond the range': (request) => [dataChunk(request, 4096, Buffer.alloc(513), true)],
    'a huge offset': (request) => [dataChunk(request, 2 ** 60, Buffer.alloc(512), true)],
    'too little data': (request) => [dataChunk(request, 4096, Buffer.alloc(511), true)],
    'no data at all': (request) => [chunk(request, 0, true, Buffer.alloc(0))],
    'the same data twice': (request) => [
      dataChunk(request, 4096, Buffer.alloc(256), false),
      dataChunk(request, 4096, Buffer.alloc(256), true),
    ],
    'data without end': (request) => [
      dataChunk(request, 4096, Buffer.alloc(512), false),
      dataChunk(request, 4096, Buffer.alloc(1), false),
    ],
    'an empty data chunk': (request) => [dataChunk(request, 4096, Buffer.alloc(0), false)],
    'a huge hole': (request) => [holeChunk(request, 4096, 0xffff_ffff, true)],
    'a hole of wrong length': (request) => [chunk(request, 2, true, Buffer.alloc(11))],
    'a status instead': (request) => status(request, [512, 0]),
    'a chunk of unknown type': (request) => [chunk(request, 99, true, Buffer.alloc(0))],
    'a huge error text': (request) => [chunk(request, 0x8001, true, Buffer.alloc(0), 0xffff_ffff)],
    'a short error': (request) => [chunk(request, 0x8001, true, Buffer.alloc(2))],
    'a plain answer': (request) => [simpleReply(request, 0, Buffer.alloc(512))],
    'an end mark with content': (request) => [chunk(request, 0, true, Buffer.alloc(4))],
  };
  it.each(Object.keys(reads))('answers a read with %s', async (name) => {
    const client = await open(reading((request) => reads[name]?.(request)));
    await expect(client.read(4096, 512)).rejects.toMatchObject({ code: 'diskReadFailed' });
    expect(client.failure).toMatchObject({ code: 'diskReadFailed' });
    await expect(client.read(0, 512)).rejects.toMatchObject({ code: 'diskReadFailed' });
  });

  const statuses: Record<string, (request: FakeRequest) => Buffer[]> = {
    'another context': (request) => [statusChunk(request, 8, [[512, 0]], true)],
    'an empty descriptor': (request) => status(request, [0, 0]),
    'no descriptor': (request) => [chunk(request, 5, true, Buffer.from([0, 0, 0, 7]))],
    'half a descriptor': (request) => [chunk(request, 5, true, Buffer.alloc(15))],
    'two answers': (request) => [statusChunk(request, 7, [[512, 0]], false), ...status(request, [512, 0])],
    'disk data': (request) => [dataChunk(request, 0, Buffer.alloc(512), true)],
    nothing: (request) => [chunk(request, 0, true, Buffer.alloc(0))],
    'a plain answer': (request) => [simpleReply(request, 0)],
  };
  it.each(Object.keys(statuses))('answers a status question with %s', async (name) => {
    const client = await open(reading((request) => statuses[name]?.(request)));
    await expect(client.blockStatus('base:allocation', 0, 4096)).rejects.toMatchObject({ code: 'diskReadFailed' });
  });

  const shakes: Record<string, Partial<FakeBehaviour>> = {
    'is no NBD server': { greeting: Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n') },
    'is oldstyle': { greeting: Buffer.concat([Buffer.from('NBDMAGIC'), Buffer.from('00420281861253000000', 'hex')]) },
    'lacks fixed newstyle': {
      greeting: Buffer.concat([Buffer.from('NBDMAGIC'), Buffer.from('49484156454f50540000', 'hex')]),
    },
    'has no size': { go: optionReply(7, 1) },
    'has a size beyond numbers': { go: Buffer.concat([optionReply(7, 3, exportData(2n ** 63n)), optionReply(7, 1)]) },
    'sends short information': { go: optionReply(7, 3, Buffer.from([0, 0, 1])) },
    'repeats itself for ever': {
      go: Buffer.concat(Array.from({ length: 100 }, () => optionReply(7, 3, exportData(1)))),
    },
    'answers another option': { go: optionReply(6, 1) },
    'sends a huge reply': { go: Buffer.concat([optionReply(7, 3).subarray(0, 16), Buffer.from('ffffffff', 'hex')]) },
    'has no such export': { go: optionReply(7, 0x80000006, Buffer.from('no\u001b[31m')) },
  };
  it.each(Object.keys(shakes))('%s', async (name) => {
    await expect(open({ answer: () => undefined, ...shakes[name] })).rejects.toMatchObject({ code: 'diskReadFailed' });
  });

  it('stays silent', async () => {
    await expect(open({ go: Buffer.alloc(0), answer: () => undefined })).rejects.toMatchObject({ code: 'timeout' });
  });

  it('goes away in the middle of an answer', async () => {
    let answers = 0;
    const client = await open(
      reading((request) =>
        answers++ === 0 ? [dataChunk(request, 4096, Buffer.alloc(512), true).subarray(0, 100)] : undefined,
      ),
    );
    const results = await Promise.allSettled([client.read(4096, 512), client.read(0, 512)]);
    for (const result of results) {
      expect(result).toMatchObject({
        status: 'rejected',
        reason: { code: 'diskReadFailed', message: expect.stringContaining('lost') as unknown },
      });
    }
  });

  it('is not there', async () => {
    const address = { socketPath: join(folder, 'none.sock'), exportName: 'x', contexts: [] };
    await expect(NbdClient.connect(address, new AbortController().signal)).rejects.toMatchObject({
      code: 'diskReadFailed',
    });
  });
});

describe('ending', () => {
  it('cancels what is in flight', async () => {
    const abort = new AbortController();
    const client = await open(
      reading(() => []),
      abort.signal,
    );
    const read = client.read(0, 512);
    abort.abort();
    await expect(read).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('cancels before it begins', async () => {
    const { socketPath } = await serve(reading(() => []));
    const address = { socketPath, exportName: 'x', contexts: [] };
    await expect(NbdClient.connect(address, AbortSignal.abort())).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('may be closed twice and with requests open', async () => {
    const client = await open(reading(() => []));
    const read = expect(client.read(0, 512)).rejects.toMatchObject({ code: 'diskReadFailed' });
    await Promise.all([client.close(), client.close()]);
    await client.close();
    await read;
  });
});

describe('writing', () => {
  const writable = { go: Buffer.concat([optionReply(7, 3, exportData(mib, 1 + 4)), optionReply(7, 1)]) };

  it('says when there is no space', async () => {
    const client = await open({
      ...writable,
      answer: (request) => [simpleReply(request, request.type === 1 ? 28 : 0)],
    });
    const target = new NbdTarget('/x/y.qcow2', client, async () => undefined);
    await expect(target.write(0, Buffer.alloc(512))).rejects.toMatchObject({ code: 'storageFull' });
  });

  it('says when the flush at the end fails, and ends the server all the same', async () => {
    let ended = false;
    const client = await open({ ...writable, answer: (request) => [simpleReply(request, request.type === 3 ? 5 : 0)] });
    const target = new NbdTarget('/x/y.qcow2', client, async () => {
      ended = true;
    });
    await target.write(0, Buffer.alloc(512));
    await expect(target.close()).rejects.toMatchObject({ code: 'storageFailed' });
    expect(ended).toBe(true);
  });

  it('is refused on a read-only export', async () => {
    const client = await open({
      go: Buffer.concat([optionReply(7, 3, exportData(mib, 1 + 2)), optionReply(7, 1)]),
      answer: () => [],
    });
    expect(() => new NbdTarget('t', client, async () => undefined)).toThrow(/read-only/u);
  });
});
