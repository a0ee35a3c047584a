import { messageOf } from '../../shared/errors.ts';
import { FrameCodec } from '../transform/frame-codec.ts';
import { frameOverhead } from '../transform/frame-header.ts';
import { notSurvived } from './blob-codec.ts';
import { idOf } from './blob-id.ts';
import { freeWhole } from './memory.ts';
import { type Batch, type FrameOrder, sampleEvery } from './pipeline-messages.ts';

/** A repository is used with one key nearly always. */
let lastCodec: { key: Uint8Array; codec: FrameCodec } | undefined;
let framed = 0;

/** The codec of a key; the same one as long as the key stays. */
export function codecOf(key: Uint8Array): FrameCodec {
  if (lastCodec === undefined || !Buffer.from(lastCodec.key).equals(key))
    lastCodec = { key, codec: new FrameCodec(key) };
  return lastCodec.codec;
}

/**
 * Frames take the place of their cells: the last one begins a header's length before its cell, each one before it another
 * header's length further ahead, so that none reaches into a cell that has not had its turn.
 */
export class FramedBatch {
  /** Where the frames are. */
  readonly batch: Batch;
  readonly #order: FrameOrder;
  readonly #codec: FrameCodec;
  readonly #cellsAt: number;

  constructor({ bytes, offset, lengths }: Batch, order: FrameOrder) {
    this.batch = {
      bytes,
      offset: offset - lengths.length * frameOverhead,
      lengths: lengths.map((length) => length + frameOverhead),
    };
    this.#order = order;
    this.#codec = codecOf(order.key);
    this.#cellsAt = offset;
  }

  /** Frames cell `i`, in order. @throws AppError repositoryDamaged when the frame is looked at and does not hold the cell */
  frame(cell: Buffer, i: number): Buffer {
    const { cipher, verify } = this.#order;
    const at = this.batch.offset + (cell.byteOffset - this.#cellsAt) + i * frameOverhead;
    const frame = Buffer.from(this.batch.bytes, at, cell.length + frameOverhead);
    const isLookedAt = verify === 'all' || (verify === 'sample' && framed++ % sampleEvery === 0);
    const chunkId = isLookedAt ? idOf(cell) : undefined;
    this.#codec.sealInto(cipher, cell, frame);
    if (chunkId !== undefined) this.#verify(frame, chunkId);
    return frame;
  }

  #verify(frame: Buffer, chunkId: Buffer): void {
    try {
      const chunk = this.#codec.open(frame);
      const same = idOf(chunk).equals(chunkId);
      freeWhole(chunk);
      if (same) return;
    } catch (error) {
      throw notSurvived(messageOf(error), error);
    }
    throw notSurvived('its frame holds something else');
  }
}
