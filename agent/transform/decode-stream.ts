import { AppError } from '../../shared/errors.ts';
import { FrameCodec } from './frame-codec.ts';
import { frameOverhead, readHeader } from './frame-header.ts';

/**
 * What was in a `disk.hft`, chunk by chunk in order; holds one frame at a time, at most 16 MiB.
 * @throws AppError transformKeyMissing, repositoryDamaged naming the offset in the stream, incompatible
 */
export async function* decodeFrames(key: Uint8Array, source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  const codec = new FrameCodec(key);
  const input = new ExactReader(source);
  for (;;) {
    const start = input.position;
    const header = await input.read(frameOverhead);
    if (header === undefined) return;
    const chunkLength = readHeader(header)?.chunkLength;
    const rest = chunkLength === undefined ? undefined : await input.read(chunkLength);
    if (rest === undefined) throw new AppError('repositoryDamaged', `there is no whole frame at offset ${start}`);
    try {
      yield codec.open(Buffer.concat([header, rest]));
    } catch (error) {
      if (error instanceof AppError) throw new AppError(error.code, `${error.message} (at offset ${start})`);
      throw error;
    }
  }
}

/** Cuts a stream into pieces of wanted lengths. */
class ExactReader {
  position = 0;
  readonly #source: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array();

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** @returns undefined at the end of the stream. @throws AppError repositoryDamaged when it ends inside the piece */
  async read(length: number): Promise<Buffer | undefined> {
    const piece = Buffer.allocUnsafeSlow(length);
    let filled = 0;
    while (filled < length) {
      if (this.#rest.length === 0) {
        const next = await this.#source.next();
        if (next.done === true) break;
        this.#rest = next.value;
      }
      const part = this.#rest.subarray(0, length - filled);
      piece.set(part, filled);
      this.#rest = this.#rest.subarray(part.length);
      filled += part.length;
    }
    this.position += filled;
    if (filled === 0) return undefined;
    if (filled < length) throw new AppError('repositoryDamaged', `the stream ends inside a frame, at ${this.position}`);
    return piece;
  }
}
