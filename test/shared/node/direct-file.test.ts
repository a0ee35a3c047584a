import { open, readFile, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DirectFile } from '../../../shared/node/direct-file.ts';
import { DirectReader } from '../../../shared/node/direct-reader.ts';
import { testBytes } from '../../helpers/byte-sources.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';
import { onTmpfs } from '../../helpers/tmpfs.ts';

const ext4 = 0xef53;
const sizes = [0, 1, 4095, 4096, 65_536, 65_537, 1024 * 1024, 3 * 1024 * 1024 + 4097];

/** Writes in parts of odd lengths. */
async function writeNew(path: string, bytes: Uint8Array): Promise<boolean> {
  const file = await DirectFile.open(path, 'new');
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += 70_001) parts.push(bytes.subarray(at, at + 70_001));
  await file.write(parts);
  await file.sync();
  const { isDirect } = file;
  await file.close();
  return isDirect;
}

async function readBack(path: string, offset: number, length: number): Promise<{ bytes: Buffer; isDirect: boolean }> {
  const reader = await DirectReader.of(await open(path));
  const bytes = Buffer.alloc(length);
  let done = 0;
  for (let count = 1; done < length && count > 0; done += count)
    count = await reader.read(bytes.subarray(done), offset + done);
  const { isDirect } = reader;
  await reader.close();
  return { bytes: bytes.subarray(0, done), isDirect };
}

describe('files around the page cache', () => {
  it.each(sizes)('hold the %d bytes that were written', async (size) => {
    const folder = await temporaryFolder();
    const path = join(folder, 'file');
    const bytes = testBytes(size, 3);
    const wasDirect = await writeNew(path, bytes);
    expect((await readFile(path)).equals(bytes)).toBe(true);
    const isLocal = (await statfs(folder)).type === ext4;
    if (isLocal) expect(wasDirect).toBe(true);
    const whole = await readBack(path, 0, size + 10_000);
    expect(whole.bytes.equals(bytes)).toBe(true);
    if (isLocal) expect(whole.isDirect).toBe(true);
    for (const offset of [1, 4096, 70_000])
      expect((await readBack(path, offset, 100_000)).bytes.equals(bytes.subarray(offset, offset + 100_000))).toBe(true);
  });

  it('are written at any place and at the same time, and keep their holes', async () => {
    const path = join(await temporaryFolder(), 'file');
    const bytes = testBytes(4 * 1024 * 1024, 5);
    const file = await DirectFile.open(path, 'new');
    await file.truncate(64 * 1024 * 1024 + 1000);
    const places = [
      [0, 1024 * 1024],
      [8 * 1024 * 1024, 256 * 1024],
      [9 * 1024 * 1024 + 512, 100_000],
      [64 * 1024 * 1024 - 65_536, 65_536 + 1000],
    ] as const;
    await Promise.all(places.map(([offset, length]) => file.write([bytes.subarray(0, length)], offset)));
    await file.close();
    const { size, blocks } = await stat(path);
    expect(size).toBe(64 * 1024 * 1024 + 1000);
    expect(blocks * 512).toBeLessThan(4 * 1024 * 1024);
    const expected = Buffer.alloc(size);
    for (const [offset, length] of places) bytes.copy(expected, offset, 0, length);
    expect((await readFile(path)).equals(expected)).toBe(true);
  });

  it('are read in many places at once', async () => {
    const path = join(await temporaryFolder(), 'file');
    const bytes = testBytes(24 * 1024 * 1024, 11);
    await writeNew(path, bytes);
    const reader = await DirectReader.of(await open(path));
    const piece = 300 * 1024;
    const read = async (offset: number) => {
      const target = Buffer.alloc(Math.min(piece, bytes.length - offset));
      for (let done = 0; done < target.length; ) done += await reader.read(target.subarray(done), offset + done);
      expect(target.equals(bytes.subarray(offset, offset + target.length))).toBe(true);
    };
    await Promise.all(Array.from({ length: Math.ceil(bytes.length / piece) }, (_, index) => read(index * piece)));
    if ((await statfs(path)).type === ext4) expect(reader.isDirect).toBe(true);
    await reader.close();
  });

  it('are ordinary files where there is no such thing', async (context) => {
    await onTmpfs(context, '32m', async (folder) => {
      const path = join(folder, 'file');
      const bytes = testBytes(2 * 1024 * 1024 + 77, 9);
      expect(await writeNew(path, bytes)).toBe(false);
      expect((await readBack(path, 0, bytes.length)).bytes.equals(bytes)).toBe(true);
    });
  });

  it('never replace a file', async () => {
    const path = join(await temporaryFolder(), 'file');
    await writeNew(path, testBytes(10, 1));
    await expect(DirectFile.open(path, 'new')).rejects.toMatchObject({ code: 'EEXIST' });
    await expect(DirectFile.open(`${path}2`, 'existing')).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
