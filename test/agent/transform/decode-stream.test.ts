import { describe, expect, it } from 'vitest';
import { decodeFrames } from '../../../agent/transform/decode-stream.ts';
import { FrameCodec } from '../../../agent/transform/frame-codec.ts';
import { frameOverhead } from '../../../agent/transform/frame-header.ts';
import { zeroFrame } from '../../../agent/transform/zero-frame.ts';
import { testBytes } from '../../helpers/byte-sources.ts';

const key = Buffer.alloc(32, 5);

function sealed(chunk: Buffer): Buffer {
  const frame = Buffer.alloc(chunk.length + frameOverhead);
  new FrameCodec(key).sealInto('sm4', chunk, frame);
  return frame;
}

async function* inPieces(bytes: Buffer, length: number) {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

async function decoded(bytes: Buffer, pieces = 100, by = key): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of decodeFrames(by, inPieces(bytes, pieces))) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe('a stream of frames', () => {
  const chunks = [testBytes(1000, 1), Buffer.alloc(512), testBytes(77, 2)];
  const frames = Buffer.concat([sealed(testBytes(1000, 1)), zeroFrame(512), sealed(testBytes(77, 2))]);

  it.each([1, 63, 64, 100, 100_000])('comes back from pieces of %d bytes', async (pieces) => {
    expect(await decoded(frames, pieces)).toEqual(Buffer.concat(chunks));
  });

  it('may be empty', async () => {
    expect(await decoded(Buffer.alloc(0))).toEqual(Buffer.alloc(0));
  });

  it.each([
    ['cut in a header', frames.subarray(0, 30), 'ends inside a frame'],
    ['cut in a payload', frames.subarray(0, -1), 'ends inside a frame'],
    ['cut behind a header', frames.subarray(0, 64), 'no whole frame at offset 0'],
    ['with something else behind it', Buffer.concat([frames, Buffer.alloc(64)]), `at offset ${frames.length}`],
  ])('that is %s is told with its place', async (_what, bytes, message) => {
    await expect(decoded(bytes)).rejects.toMatchObject({
      code: 'repositoryDamaged',
      message: expect.stringContaining(message) as string,
    });
  });

  it('of another key is told at its first frame', async () => {
    await expect(decoded(frames, 100, Buffer.alloc(32, 6))).rejects.toMatchObject({
      code: 'transformKeyMissing',
      message: expect.stringContaining('at offset 0') as string,
    });
  });

  it('whose header asks for gigabytes is refused before they are read', async () => {
    const huge = Buffer.from(frames);
    huge.writeUInt32LE(0xffff_ff00, 8);
    await expect(decoded(huge)).rejects.toMatchObject({ code: 'repositoryDamaged' });
  });
});
