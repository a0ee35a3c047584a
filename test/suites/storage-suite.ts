import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { fileTypes, type Storage, type StoredFile } from '../../agent/repository/storage/storage.ts';

const name = (seed: string) => seed.repeat(64).slice(0, 64);

async function all(files: AsyncIterable<StoredFile>): Promise<StoredFile[]> {
  const found: StoredFile[] = [];
  for await (const file of files) found.push(file);
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** What every storage must do. @param make a fresh, empty one for each test */
export function storageSuite(label: string, make: () => Promise<Storage>): void {
  describe(`the storage contract: ${label}`, () => {
    it('is empty before anything is stored, and has no config', async () => {
      const storage = await make();
      expect(await storage.isEmpty()).toBe(true);
      expect(await storage.readConfig()).toBeUndefined();
      for (const type of fileTypes) expect(await all(storage.list(type))).toEqual([]);
    });

    it('is still empty after prepare and not after config', async () => {
      const storage = await make();
      await storage.prepare();
      await storage.prepare();
      expect(await storage.isEmpty()).toBe(true);
      await storage.writeConfig(Buffer.from('c'));
      expect(await storage.readConfig()).toEqual(Buffer.from('c'));
      expect(await storage.isEmpty()).toBe(false);
    });

    it('gives back what was written, whole and by range, for every type', async () => {
      const storage = await make();
      await storage.prepare();
      for (const type of fileTypes) {
        const parts = [Buffer.from('hello '), new Uint8Array(0), Buffer.from('world')];
        await storage.write(type, name('ab'), parts);
        expect((await storage.read(type, name('ab'))).toString()).toBe('hello world');
        expect((await storage.read(type, name('ab'), { offset: 4, length: 3 })).toString()).toBe('o w');
        expect((await storage.read(type, name('ab'), { offset: 11, length: 0 })).length).toBe(0);
        expect(await storage.size(type, name('ab'))).toBe(11);
      }
    });

    it('may read into memory that it is given, if there is enough of it', async () => {
      const storage = await make();
      await storage.prepare();
      await storage.write('data', name('7'), [Buffer.from('hello world')]);
      for (const roomBytes of [4, 11, 4096]) {
        const room = new ArrayBuffer(roomBytes);
        const whole = await storage.read('data', name('7'), undefined, room);
        expect(whole.toString()).toBe('hello world');
        const range = await storage.read('data', name('7'), { offset: 6, length: 5 }, room);
        expect(range.toString()).toBe('world');
        if (range.buffer === room) expect(range.byteOffset).toBe(0);
      }
    });

    it('needs the parts no more once it says so', async () => {
      const storage = await make();
      await storage.prepare();
      const parts = [Buffer.alloc(100_000, 1), Buffer.alloc(100_000, 2)];
      let calls = 0;
      await storage.write('data', name('6'), parts, () => {
        calls++;
        for (const part of parts) part.fill(0);
      });
      expect(calls).toBeLessThan(2);
      const expected = Buffer.concat([Buffer.alloc(100_000, 1), Buffer.alloc(100_000, 2)]);
      expect((await storage.read('data', name('6'))).equals(expected)).toBe(true);
    });

    it('takes a file of thousands of parts', async () => {
      const storage = await make();
      await storage.prepare();
      const bytes = randomBytes(300_000);
      const parts = Array.from({ length: 3000 }, (_, i) => bytes.subarray(i * 100, (i + 1) * 100));
      await storage.write('data', name('7'), parts);
      expect((await storage.read('data', name('7'))).equals(bytes)).toBe(true);
    });

    it('lists names with sizes', async () => {
      const storage = await make();
      await storage.prepare();
      await storage.write('data', name('0a'), [Buffer.alloc(3)]);
      await storage.write('data', name('f1'), [Buffer.alloc(5)]);
      expect(await all(storage.list('data'))).toEqual([
        { name: name('0a'), sizeBytes: 3 },
        { name: name('f1'), sizeBytes: 5 },
      ]);
    });

    it('writes an existing name again without complaint', async () => {
      const storage = await make();
      await storage.prepare();
      await storage.write('index', name('c'), [Buffer.from('same')]);
      await storage.write('index', name('c'), [Buffer.from('same')]);
      expect((await storage.read('index', name('c'))).toString()).toBe('same');
    });

    it('removes a file, and one that is gone', async () => {
      const storage = await make();
      await storage.prepare();
      await storage.write('lock', name('d'), [Buffer.from('x')]);
      await storage.remove('lock', name('d'));
      await storage.remove('lock', name('d'));
      expect(await all(storage.list('lock'))).toEqual([]);
    });

    it('says notFound for what is not there and repositoryDamaged for what is too short', async () => {
      const storage = await make();
      await storage.prepare();
      await expect(storage.read('data', name('e'))).rejects.toMatchObject({ code: 'notFound' });
      await expect(storage.size('data', name('e'))).rejects.toMatchObject({ code: 'notFound' });
      await storage.write('data', name('e'), [Buffer.from('abc')]);
      const tooLong = storage.read('data', name('e'), { offset: 1, length: 3 });
      await expect(tooLong).rejects.toMatchObject({ code: 'repositoryDamaged' });
    });

    it.each(['../../etc/passwd', '', 'A'.repeat(64), `${'a'.repeat(63)}/`, 'a'.repeat(65)])(
      'refuses the name %j before touching anything',
      async (bad) => {
        const storage = await make();
        const refused = { code: 'invalidValue' };
        await expect((async () => storage.read('data', bad))()).rejects.toMatchObject(refused);
        await expect((async () => storage.write('data', bad, []))()).rejects.toMatchObject(refused);
        await expect((async () => storage.remove('data', bad))()).rejects.toMatchObject(refused);
      },
    );
  });
}
