import { describe, expect, it } from 'vitest';
import { parseQcow2Header } from '../../agent/disks/qcow2-header.ts';
import { fuzz } from './fuzz.ts';
import { mutateBytes } from './mutate.ts';

/** A header with a backing file and two extensions. */
function header(version: 2 | 3): Buffer {
  const bytes = Buffer.alloc(512);
  const begin = version === 3 ? 104 : 72;
  bytes.writeUInt32BE(0x514649fb, 0);
  bytes.writeUInt32BE(version, 4);
  bytes.writeBigUInt64BE(256n, 8);
  bytes.writeUInt32BE(15, 16);
  bytes.writeUInt32BE(16, 20);
  bytes.writeBigUInt64BE(1n << 30n, 24);
  if (version === 3) bytes.writeUInt32BE(104, 100);
  bytes.writeUInt32BE(0x6803f857, begin);
  bytes.writeUInt32BE(48, begin + 4);
  bytes.writeUInt32BE(0xe2792aca, begin + 56);
  bytes.writeUInt32BE(3, begin + 60);
  bytes.write('raw', begin + 64);
  bytes.write('/images/base.im', 256);
  return bytes;
}

describe('a hostile qcow2 image', () => {
  it('in its header', async () => {
    const corpus = [header(2), header(3), header(3).subarray(0, 104), Buffer.concat([header(3), Buffer.alloc(65_024)])];
    expect(parseQcow2Header(header(3), 'x')).toMatchObject({ backingFile: '/images/base.im', backingFormat: 'raw' });
    await fuzz({
      make: (random) => mutateBytes(corpus, random).subarray(0, 65_536),
      parse: (bytes) => {
        const { sizeBytes, backingFile = '' } = parseQcow2Header(bytes, 'x');
        expect(Number.isSafeInteger(sizeBytes) && sizeBytes >= 0).toBe(true);
        expect(backingFile.length).toBeLessThan(1024);
      },
    });
  });
});
