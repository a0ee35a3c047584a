import { createDecipheriv, createHmac, hkdfSync } from 'node:crypto';
import { zstdDecompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { FrameCodec } from '../../../agent/transform/frame-codec.ts';
import { frameOverhead } from '../../../agent/transform/frame-header.ts';
import { keyIdOf } from '../../../agent/transform/transform-key.ts';
import { zeroFrame } from '../../../agent/transform/zero-frame.ts';
import { type TransformCipher, transformCiphers } from '../../../shared/model/transform.ts';
import { sha256, testBytes } from '../../helpers/byte-sources.ts';
import { randomBytes } from 'node:crypto';

const key = Buffer.alloc(32, 0x42);
const codec = new FrameCodec(key);

function sealed(cipher: TransformCipher, chunk: Buffer, by = codec): Buffer {
  const frame = Buffer.alloc(chunk.length + frameOverhead, 0xee);
  by.sealInto(cipher, chunk, frame);
  return frame;
}

describe.each(transformCiphers)('frames with %s', (cipher) => {
  const compressible = testBytes(8192, 1);
  const random = randomBytes(5000);

  it.each([
    ['a chunk that zstd shortens', compressible],
    ['one that it does not', random],
    ['a single byte', Buffer.of(9)],
  ])('%s comes back', (_what, chunk) => {
    const frame = sealed(cipher, chunk);
    expect(frame.length).toBe(chunk.length + 64);
    expect(codec.open(frame).equals(chunk)).toBe(true);
  });

  it('equal chunks give equal frames, in place too', () => {
    const room = Buffer.concat([Buffer.alloc(frameOverhead), compressible]);
    codec.sealInto(cipher, room.subarray(frameOverhead), room);
    expect(room.equals(sealed(cipher, compressible))).toBe(true);
    expect(sealed(cipher, random, new FrameCodec(key)).equals(sealed(cipher, random))).toBe(true);
  });

  it('another key is told apart by its ID', () => {
    const other = new FrameCodec(Buffer.alloc(32, 0x43));
    const frame = sealed(cipher, compressible);
    expect(() => other.open(frame)).toThrow(
      expect.objectContaining({
        code: 'transformKeyMissing',
        message: expect.stringContaining(keyIdOf(key).toString('hex')) as string,
      }),
    );
    // Not even when somebody forges the ID.
    other.keyId.copy(frame, 16);
    expect(() => other.open(frame)).toThrow(expect.objectContaining({ code: 'repositoryDamaged' }));
  });

  it('a flipped bit anywhere is noticed', () => {
    const frame = sealed(cipher, compressible);
    const payloadEnd = frameOverhead + frame.readUInt32LE(12);
    const header = Array.from({ length: frameOverhead }, (_, i) => i);
    for (const at of [...header, 64, 1000, payloadEnd - 1, payloadEnd, frame.length - 1]) {
      for (const bit of [0, 1, 7]) {
        const changed = Buffer.from(frame);
        changed.writeUInt8((changed[at] ?? 0) ^ (1 << bit), at);
        expect(() => codec.open(changed), `byte ${at}, bit ${bit}`).toThrow(/frame/u);
      }
    }
  });
});

describe('frames', () => {
  it('of zeros are the same for every key', () => {
    const frame = zeroFrame(65_536);
    expect(frame.length).toBe(65_600);
    expect(new FrameCodec(Buffer.alloc(32, 1)).open(frame).equals(Buffer.alloc(65_536))).toBe(true);
    for (const at of [0, 4, 5, 8, 12, 16, 40, 63, 64, 65_599]) {
      const changed = Buffer.from(frame);
      changed.writeUInt8((changed[at] ?? 0) ^ 1, at);
      expect(() => codec.open(changed), `byte ${at}`).toThrow(/frame/u);
    }
  });

  it('cannot pass as zeros, nor as a frame of another length or cipher', () => {
    const frame = sealed('aes-256', testBytes(4096, 2));
    const zeros = Buffer.from(frame);
    zeros.writeUInt8(2, 5);
    const unknown = Buffer.from(frame);
    unknown.writeUInt8(99, 4);
    expect(() => codec.open(zeros)).toThrow(/header/u);
    expect(() => codec.open(unknown)).toThrow(expect.objectContaining({ code: 'incompatible' }));
    expect(() => codec.open(frame.subarray(0, -1))).toThrow(/header/u);
    expect(() => codec.open(Buffer.alloc(10))).toThrow(/header/u);
  });

  it('open with nothing but what docs/transform.md says', () => {
    const chunk = testBytes(10_000, 3);
    const frame = sealed('aes-256', chunk);
    const derive = (use: string) => Buffer.from(hkdfSync('sha256', key, '', `holdfast-transform-1 aes-256 ${use}`, 32));
    const tag = frame.subarray(32, 64);
    const decipher = createDecipheriv('aes-256-ctr', derive('enc'), tag.subarray(0, 16));
    const payload = decipher.update(frame.subarray(64, 64 + frame.readUInt32LE(12)));
    const expected = createHmac('sha256', derive('mac')).update(frame.subarray(0, 32)).update(payload).digest();
    expect(expected.equals(tag)).toBe(true);
    expect(frame.subarray(16, 32).toString('hex')).toBe(
      sha256(Buffer.concat([Buffer.from('holdfast-transform-key\n'), key])).slice(0, 32),
    );
    expect(zstdDecompressSync(payload).equals(chunk)).toBe(true);
  });
});
