import { describe, expect, it } from 'vitest';
import { SealingKey } from '../../../agent/repository/cipher.ts';
import { readMasterKey, writeKeyFile } from '../../../agent/repository/key-file.ts';
import { createRepository, openRepository } from '../../../agent/repository/repository.ts';
import { MemoryStorage } from '../../fakes/memory-storage.ts';
import { BufferSource, testBytes } from '../../helpers/byte-sources.ts';
import { backUp, existingRepository, newRepository, storeDisk, vmTree } from '../../helpers/repositories.ts';
import { testKdf } from '../../helpers/repository-settings.ts';

const replaceOnly = (map: Map<string, Buffer>, bytes: Buffer) => {
  for (const name of map.keys()) map.set(name, bytes);
};

describe('creating a repository', () => {
  it('writes the key before the config, as restic names its fields', async () => {
    const storage = new MemoryStorage();
    const repository = await newRepository(storage);
    expect(storage.written.map((name) => name.split('/')[0])).toEqual(['key', 'config']);
    const [key] = [...storage.files.key.values()];
    const fields = Object.keys(JSON.parse(String(key)) as object);
    expect(fields).toEqual(['created', 'username', 'hostname', 'kdf', 'N', 'r', 'p', 'salt', 'data']);
    expect((await existingRepository(storage)).id).toBe(repository.id);
    expect(repository.id).toMatch(/^[0-9a-f]{64}$/u);
  });

  it('refuses a place where anything is stored', async () => {
    const storage = new MemoryStorage();
    await newRepository(storage);
    await expect(createRepository(storage, 'x', { kdf: testKdf })).rejects.toMatchObject({ code: 'notEmpty' });
    storage.config = undefined;
    await expect(createRepository(storage, 'x', { kdf: testKdf })).rejects.toMatchObject({ code: 'notEmpty' });
  });
});

describe('opening a repository', () => {
  it('says what is wrong with the place or the password', async () => {
    const storage = new MemoryStorage();
    await expect(openRepository(storage, 'x')).rejects.toMatchObject({ code: 'poolNotReachable' });
    await newRepository(storage);
    await expect(openRepository(storage, 'x')).rejects.toMatchObject({ code: 'wrongPassword' });
    storage.files.key.clear();
    await expect(openRepository(storage, 'x')).rejects.toMatchObject({ code: 'repositoryDamaged' });
  });

  it('accepts any of several passwords', async () => {
    const storage = new MemoryStorage();
    await newRepository(storage);
    await writeKeyFile(
      storage,
      'zweites Paßwort',
      await readMasterKey(storage, 'correct horse battery staple'),
      testKdf,
    );
    await (await openRepository(storage, 'zweites Paßwort')).close();
    await existingRepository(storage);
  });

  it('refuses a damaged config, a foreign one and another format version', async () => {
    const storage = new MemoryStorage();
    await newRepository(storage);
    const key = new SealingKey(await readMasterKey(storage, 'correct horse battery staple'));
    const original = storage.config as Buffer;
    const opened = async (config: Buffer) => {
      storage.config = config;
      await existingRepository(storage);
    };
    await expect(opened(Buffer.alloc(100))).rejects.toMatchObject({ code: 'repositoryDamaged' });
    await expect(opened(original.subarray(1))).rejects.toMatchObject({ code: 'repositoryDamaged' });
    await expect(opened(key.seal(Buffer.from('{"version":2}')))).rejects.toMatchObject({ code: 'repositoryDamaged' });
    const version3 = JSON.stringify({ version: 3, id: 'a'.repeat(64) });
    await expect(opened(key.seal(Buffer.from(version3)))).rejects.toMatchObject({ code: 'incompatible' });
  });

  it.each([
    ['no JSON', 'x'],
    ['another function', '{"kdf":"argon2","N":2,"r":1,"p":1,"salt":"","data":""}'],
    ['a cost that would eat the memory', '{"kdf":"scrypt","N":16777216,"r":64,"p":1,"salt":"AAAA","data":"AAAA"}'],
    ['a cost that would never end', '{"kdf":"scrypt","N":32768,"r":8,"p":1000000,"salt":"AAAA","data":"AAAA"}'],
    ['a cost that is no power of two', '{"kdf":"scrypt","N":1000,"r":8,"p":1,"salt":"AAAA","data":"AAAA"}'],
  ])('refuses a key file with %s', async (_name, text) => {
    const storage = new MemoryStorage();
    await newRepository(storage);
    replaceOnly(storage.files.key, Buffer.from(text));
    await expect(existingRepository(storage)).rejects.toMatchObject({ code: 'repositoryDamaged' });
  });
});

describe('the snapshots of a repository', () => {
  const disk = () => new BufferSource(testBytes(1000, 1));
  const add = async (storage: MemoryStorage, tag: string) => {
    const repository = await existingRepository(storage);
    const { finished } = await backUp(
      repository,
      (writer) => storeDisk(writer, disk()),
      (written) => vmTree({ a: written.content }),
      [tag],
    );
    return finished.snapshotId;
  };

  it('are found by hint, by tag when the hint is wrong, and not at all otherwise', async () => {
    const storage = new MemoryStorage();
    const repository = await newRepository(storage);
    const [first, second] = [await add(storage, 'backup=1'), await add(storage, 'backup=2')];
    const idOf = async (hintId: string | undefined, tag: string) =>
      (await repository.findSnapshot({ hintId, tag }))?.id;
    expect(await idOf(first, 'backup=1')).toBe(first);
    expect(await idOf(first, 'backup=2')).toBe(second);
    expect(await idOf('f'.repeat(64), 'backup=2')).toBe(second);
    expect(await idOf('../config', 'backup=2')).toBe(second);
    expect(await idOf(undefined, 'backup=3')).toBeUndefined();
  });

  it('that are damaged do not hide the others, and are not called missing', async () => {
    const storage = new MemoryStorage();
    const repository = await newRepository(storage);
    const [first, second] = [await add(storage, 'backup=1'), await add(storage, 'backup=2')];
    storage.files.snapshot.set(first, Buffer.from('rubbish'));
    await expect(repository.listSnapshots()).rejects.toMatchObject({ code: 'repositoryDamaged' });
    const damaged: string[] = [];
    const listed = await repository.listSnapshots((id) => damaged.push(id));
    expect([listed.map((snapshot) => snapshot.id), damaged]).toEqual([[second], [first]]);
    expect((await repository.findSnapshot({ tag: 'backup=2' }))?.id).toBe(second);
    await expect(repository.findSnapshot({ tag: 'backup=1' })).rejects.toMatchObject({ code: 'repositoryDamaged' });
  });
});
