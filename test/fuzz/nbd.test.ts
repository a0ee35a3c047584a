import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { handshake, type Reader } from '../../agent/disks/nbd/handshake.ts';
import { NbdClient } from '../../agent/disks/nbd/nbd-client.ts';
import { type Pending, PendingDone, PendingRead, PendingStatus } from '../../agent/disks/nbd/pending.ts';
import { replies } from '../../agent/disks/nbd/replies.ts';
import {
  chunk,
  contextData,
  dataChunk,
  exportData,
  type FakeRequest,
  holeChunk,
  optionReply,
  simpleReply,
  statusChunk,
} from '../agent/disks/fake-nbd-server.ts';
import { fuzz } from './fuzz.ts';
import { mutateBytes, pick, seeded } from './mutate.ts';

/** Gives a parser the bytes as the client does; it stops when they are used up. Returns true when it was done. */
function feed(parser: Reader<unknown>, bytes: Buffer): boolean {
  let at = 0;
  let next = parser.next();
  while (next.done !== true) {
    const wanted = next.value;
    if (wanted.length > bytes.length - at) return false;
    bytes.copy(wanted, 0, at, at + wanted.length);
    at += wanted.length;
    next = parser.next();
  }
  return true;
}

const greeting = Buffer.from('4e42444d4147494349484156454f50540003', 'hex');

function handshakes(): Buffer[] {
  const size = optionReply(7, 3, exportData(1 << 20));
  const blocks = Buffer.alloc(14);
  blocks.writeUInt16BE(3, 0);
  blocks.writeUInt32BE(1, 2);
  blocks.writeUInt32BE(4096, 6);
  blocks.writeUInt32BE(32 << 20, 10);
  const context = optionReply(10, 4, contextData(7, 'base:allocation'));
  const dirty = optionReply(10, 4, contextData(8, 'qemu:dirty-bitmap:a'));
  const ack = (option: number) => optionReply(option, 1);
  const refusal = optionReply(7, 0x8000_0006, Buffer.from('no such \u001B[31m export'));
  return [
    Buffer.concat([greeting, ack(8), context, dirty, ack(10), size, optionReply(7, 3, blocks), ack(7)]),
    Buffer.concat([greeting, optionReply(8, 0x8000_0001), size, ack(7)]),
    Buffer.concat([greeting, ack(8), ack(10), refusal]),
  ];
}

/** Requests as the client would have in flight, by handle. */
function inFlight(): Map<number, Pending> {
  const requests = [
    new PendingRead(0, 4096),
    new PendingRead(1 << 20, 65_536),
    new PendingStatus(7, 1 << 30),
    new PendingDone(),
  ];
  // Answers come through the promises too; what they hold is checked elsewhere.
  for (const { promise } of requests) promise.catch(() => undefined);
  return new Map<number, Pending>(requests.map((request, index) => [index + 1, request]));
}

function request(handle: number, offset: number, length: number): FakeRequest {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32BE(handle, 4);
  return { flags: 0, type: 0, handle: bytes, offset, length };
}

function answers(): Buffer[] {
  const small = request(1, 0, 4096);
  const large = request(2, 1 << 20, 65_536);
  const status = request(3, 0, 1 << 30);
  const write = request(4, 0, 0);
  const pairs = Array.from({ length: 40 }, (_, index): [number, number] => [(index + 1) * 4096, index % 4]);
  const error = Buffer.concat([Buffer.from([0, 0, 0, 5, 0, 4]), Buffer.from('EIO!')]);
  return [
    dataChunk(small, 0, Buffer.alloc(4096, 1), true),
    Buffer.concat([dataChunk(small, 0, Buffer.alloc(1024, 1), false), holeChunk(small, 1024, 3072, true)]),
    Buffer.concat([
      holeChunk(large, 1 << 20, 65_024, false),
      dataChunk(large, (1 << 20) + 65_024, Buffer.alloc(512), false),
      chunk(large, 0, true, Buffer.alloc(0)),
    ]),
    statusChunk(status, 7, pairs, true),
    Buffer.concat([statusChunk(status, 9, pairs, false), statusChunk(status, 7, pairs, true)]),
    chunk(small, 0x8001, true, error),
    simpleReply(write, 0),
    simpleReply(write, 28),
    simpleReply(small, 0, Buffer.alloc(4096)),
  ];
}

describe('a hostile NBD server', () => {
  it('in the handshake', async () => {
    const corpus = handshakes();
    const contexts = ['base:allocation', 'qemu:dirty-bitmap:a'];
    await fuzz({
      make: (random) => mutateBytes(corpus, random),
      parse: (bytes) =>
        void feed(
          handshake(() => undefined, 'vda', contexts),
          bytes,
        ),
    });
  });

  it('in its answers', async () => {
    const corpus = answers();
    await fuzz({
      make: (random) => ({ bytes: mutateBytes(corpus, random), structured: pick([true, true, true, false], random) }),
      parse: ({ bytes, structured }) => void feed(replies(inFlight(), structured), bytes),
    });
  });

  it('with a read answered byte by byte', () => {
    const pending = new Map<number, Pending>([[1, new PendingRead(0, 1 << 20)]]);
    const pieces = Array.from({ length: 10_000 }, (_, at) => dataChunk(request(1, 0, 1), at, Buffer.alloc(1), false));
    expect(() => feed(replies(pending, true), Buffer.concat(pieces))).toThrow(/countless pieces/u);
  });

  it('with thousands of answers after each other', async () => {
    const corpus = answers();
    await fuzz({
      make: (random) => Buffer.concat(Array.from({ length: 30 }, () => mutateBytes(corpus, random))),
      parse: (bytes) => void feed(replies(inFlight(), true), bytes),
      leastShare: 0,
    });
  });

  it('through a real socket: every request is settled', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'hf-fuzz-'));
    const corpus = handshakes()
      .slice(0, 2)
      .flatMap((begin) => answers().map((end) => Buffer.concat([begin, end])));
    let current: Buffer = Buffer.alloc(0);
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      // What the client says is not listened to; whether it still waits is seen from its promises.
      socket.resume();
      socket.end(current);
    });
    const socketPath = join(folder, 's');
    await new Promise<void>((resolve) => server.listen(socketPath, resolve));
    try {
      for (let seed = 1; seed <= 200; seed++) {
        current = mutateBytes(corpus, seeded(seed));
        await expectSettled(socketPath);
      }
    } finally {
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true });
    }
  });
});

/** Neither `internal` nor `timeout` nor `cancelled`. */
const answer = expect.stringMatching(/^(diskReadFailed|storageFull)$/u) as string;

/** Connects, asks for everything at once and takes any answer, but no silence. */
async function expectSettled(socketPath: string): Promise<void> {
  const address = { socketPath, exportName: 'vda', contexts: ['base:allocation'], timeoutMs: 5000 };
  try {
    const client = await NbdClient.connect(address, AbortSignal.timeout(5000));
    const requests = [client.read(0, 4096), client.read(1 << 20, 65_536), client.flush()];
    for (const outcome of await Promise.allSettled(requests)) {
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: answer });
    }
    await client.close();
  } catch (error) {
    expect(error).toMatchObject({ code: answer });
  }
}
