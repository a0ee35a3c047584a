import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { SealingKey } from '../../../agent/repository/cipher.ts';
import type { FileType, StoredFile } from '../../../agent/repository/storage/storage.ts';
import { sealUnpacked } from '../../../agent/repository/unpacked.ts';
import { readUnpackedFiles } from '../../../agent/repository/unpacked-files.ts';
import { AppError } from '../../../shared/errors.ts';
import { MemoryStorage } from '../../fakes/memory-storage.ts';

const key = new SealingKey({ encrypt: randomBytes(32), k: randomBytes(16), r: randomBytes(16) });
const { signal } = new AbortController();

/** Counts the bytes that were asked for. */
class CountingStorage extends MemoryStorage {
  readonly asked: string[] = [];

  override read(type: FileType, name: string): Promise<Buffer> {
    this.asked.push(name);
    return super.read(type, name);
  }
}

async function filesOf(storage: MemoryStorage, texts: readonly string[]): Promise<StoredFile[]> {
  const files: StoredFile[] = [];
  for (const text of texts) {
    const { name, bytes } = sealUnpacked(key, Buffer.from(JSON.stringify({ text })));
    await storage.write('index', name, [bytes]);
    files.push({ name, sizeBytes: bytes.length });
  }
  return files;
}

async function read(storage: MemoryStorage, files: readonly StoredFile[]): Promise<string[]> {
  const found: string[] = [];
  for await (const { file, json } of readUnpackedFiles(storage, key, 'index', files, signal)) {
    if (json instanceof AppError) found.push(`${files.indexOf(file)} ${json.code}`);
    else found.push(`${files.indexOf(file)} ${json.toString()}`);
  }
  return found;
}

const incompressible = (bytes: number) => randomBytes(bytes).toString('base64');

describe('reading many small files', () => {
  it('hands all of them over in the order given', async () => {
    const storage = new MemoryStorage();
    const texts = Array.from({ length: 600 }, (_, i) => `text ${i}`);
    const files = await filesOf(storage, texts);
    expect(await read(storage, files)).toEqual(texts.map((text, i) => `${i} ${JSON.stringify({ text })}`));
  });

  it('tells which are gone or damaged, and goes on', async () => {
    const storage = new MemoryStorage();
    const files = await filesOf(storage, ['a', 'b', 'c']);
    const [gone, damaged] = [files[0]?.name ?? '', files[1]?.name ?? ''];
    storage.files.index.delete(gone);
    storage.files.index.set(damaged, Buffer.from('something else'));
    expect(await read(storage, files)).toEqual(['0 notFound', '1 repositoryDamaged', '2 {"text":"c"}']);
  });

  it('ends with the error of the storage', async () => {
    const storage = new MemoryStorage();
    const files = await filesOf(storage, ['a', 'b']);
    storage.read = () => Promise.reject(new AppError('storageFailed', 'the line is cut'));
    await expect(read(storage, files)).rejects.toMatchObject({ code: 'storageFailed' });
  });

  it('reads the next lot of small files while the caller works on one, and no further', async () => {
    const storage = new CountingStorage();
    const files = await filesOf(
      storage,
      Array.from({ length: 1000 }, (_, i) => `${i}`),
    );
    const reading = readUnpackedFiles(storage, key, 'index', files, signal);
    await reading.next();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(storage.asked.length).toBe(512);
    await reading.return(undefined);
  });

  it('reads large files one at a time', async () => {
    const storage = new CountingStorage();
    const files = await filesOf(storage, [incompressible(1_200_000), incompressible(1_200_000)]);
    const reading = readUnpackedFiles(storage, key, 'index', files, signal);
    await reading.next();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(storage.asked).toEqual([files[0]?.name]);
    expect((await reading.next()).value).toMatchObject({ file: files[1] });
  });
});
