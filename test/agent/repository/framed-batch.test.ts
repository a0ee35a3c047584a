import { afterEach, describe, expect, it, vi } from 'vitest';
import { FramedBatch } from '../../../agent/repository/framed-batch.ts';
import type { VerifyMode } from '../../../agent/repository/pipeline-messages.ts';
import { FrameCodec } from '../../../agent/transform/frame-codec.ts';
import { frameOverhead } from '../../../agent/transform/frame-header.ts';
import { AppError } from '../../../shared/errors.ts';
import { testBytes } from '../../helpers/byte-sources.ts';

const key = Buffer.alloc(32, 9);
const front = 100;

/** Cells in one buffer with `front` bytes and the room for their frames before them. */
function framedBatch(cells: readonly Buffer[], verify: VerifyMode) {
  const offset = front + cells.length * frameOverhead;
  const bytes = new ArrayBuffer(offset + cells.reduce((sum, cell) => sum + cell.length, 0));
  Buffer.from(bytes, offset).set(Buffer.concat(cells));
  const lengths = Uint32Array.from(cells, (cell) => cell.length);
  const framed = new FramedBatch({ bytes, offset, lengths }, { cipher: 'aes-128', key, verify });
  let at = offset;
  const frames = () =>
    cells.map((cell, i) => {
      const place = Buffer.from(bytes, at, cell.length);
      at += cell.length;
      return framed.frame(place, i);
    });
  return { framed, frames };
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe('a batch of cells', () => {
  it('becomes frames in place, of whatever lengths', () => {
    const cells = [testBytes(70_000, 1), Buffer.of(1), testBytes(63, 2), testBytes(300, 3), Buffer.alloc(64, 4)];
    const { framed, frames } = framedBatch(cells, 'all');
    expect(framed.batch.offset).toBe(front);
    const made = frames().map((frame) => new FrameCodec(key).open(frame));
    expect(made).toEqual(cells);
    let at = front;
    for (const [i, length] of framed.batch.lengths.entries()) {
      expect(new FrameCodec(key).open(Buffer.from(framed.batch.bytes, at, length))).toEqual(cells[i]);
      at += length;
    }
    expect(at).toBe(framed.batch.bytes.byteLength);
  });

  it.each([
    ['holds another content', () => testBytes(5000, 2)],
    [
      'cannot be opened',
      () => {
        throw new AppError('repositoryDamaged', 'a frame fails its authentication');
      },
    ],
  ])('is checked where the pool wants it, and a frame that %s is not stored', (_what, opened) => {
    vi.spyOn(FrameCodec.prototype, 'open').mockImplementation(opened);
    expect(() => framedBatch([testBytes(5000, 1)], 'all').frames()).toThrow('did not survive');
    expect(() => framedBatch([testBytes(5000, 1)], 'off').frames()).not.toThrow();
  });
});
