import { describe, expect, it } from 'vitest';
import { FrameCodec } from '../../agent/transform/frame-codec.ts';
import { frameOverhead } from '../../agent/transform/frame-header.ts';
import { keySheet, readKeyFile } from '../../agent/transform/key-sheet.ts';
import { keyIdOf } from '../../agent/transform/transform-key.ts';
import { zeroFrame } from '../../agent/transform/zero-frame.ts';
import { testBytes } from '../helpers/byte-sources.ts';
import { fuzz } from './fuzz.ts';
import { mutateBytes, type Random } from './mutate.ts';

const key = Buffer.alloc(32, 0x42);
const codec = new FrameCodec(key);

function sealed(chunk: Buffer): Buffer {
  const frame = Buffer.alloc(chunk.length + frameOverhead);
  codec.sealInto('aes-256', chunk, frame);
  return frame;
}

/** Now and then one as it is, so that the parser is seen to accept something. */
const sometimes =
  (corpus: readonly Buffer[]) =>
  (random: Random): Buffer =>
    (random(10) === 0 ? corpus[random(corpus.length)] : undefined) ?? mutateBytes([...corpus], random);

describe('hostile input of the protective transformation', () => {
  it('frames: nothing but the chunk of that length comes out', async () => {
    const corpus = [sealed(testBytes(4096, 1)), sealed(Buffer.from('short')), zeroFrame(512)];
    const chunks = corpus.map((frame) => codec.open(frame));
    await fuzz({
      make: sometimes(corpus),
      parse: (frame) => {
        const chunk = codec.open(frame);
        expect(chunk.length).toBe(frame.length - frameOverhead);
        expect(chunks.some((known) => known.equals(chunk)) || chunk.every((byte) => byte === 0)).toBe(true);
      },
    });
  });

  it('sheets: nothing but the key comes out', async () => {
    const id = keyIdOf(key).toString('hex');
    const corpus = [Buffer.from(keySheet({ id, key }, 'node1'))];
    await fuzz({
      make: sometimes(corpus),
      parse: (text) => {
        expect(readKeyFile(text, '--from').length).toBe(32);
      },
    });
  });
});
