import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { keySheet, readKeyFile } from '../../../agent/transform/key-sheet.ts';
import { TransformKeys } from '../../../agent/transform/key-store.ts';
import { keyIdOf } from '../../../agent/transform/transform-key.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';

const key = Buffer.from(Array.from({ length: 32 }, (_, i) => i * 7));
const id = keyIdOf(key).toString('hex');

describe('keys of an agent', () => {
  it('are made once, also by programs that start at the same time', async () => {
    const folder = await temporaryFolder();
    const opened = await Promise.all(Array.from({ length: 8 }, () => TransformKeys.open(folder)));
    expect(new Set(opened.map(({ own }) => own.id)).size).toBe(1);
    expect(await readdir(folder)).toEqual(['transform.key']);
    const path = join(folder, 'transform.key');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readFile(path)).toEqual(Buffer.from((await TransformKeys.open(folder)).own.key));
  });

  it('are imported, found by name and listed', async () => {
    const folder = await temporaryFolder();
    const keys = await TransformKeys.open(folder);
    expect(await keys.imported()).toEqual([]);
    expect(await keys.find(id)).toBeUndefined();
    expect(await keys.import(key)).toBe(id);
    expect(await keys.find(id)).toEqual(key);
    expect(await keys.find(keys.own.id)).toBe(keys.own.key);
    expect(await keys.import(keys.own.key)).toBe(keys.own.id);
    expect(await keys.imported()).toEqual([id]);
    expect((await stat(join(folder, 'keys', `${id}.key`))).mode & 0o777).toBe(0o600);
    expect(await keys.find('../transform')).toBeUndefined();
  });

  it('that are damaged or exchanged are refused, never replaced', async () => {
    const folder = await temporaryFolder();
    const keys = await TransformKeys.open(folder);
    await keys.import(key);
    await writeFile(join(folder, 'keys', `${id}.key`), Buffer.alloc(32, 1));
    await expect(keys.find(id)).rejects.toMatchObject({ code: 'invalidValue' });
    await writeFile(join(folder, 'transform.key'), 'short');
    await expect(TransformKeys.open(folder)).rejects.toMatchObject({ code: 'invalidValue' });
    expect(await readFile(join(folder, 'transform.key'), 'utf8')).toBe('short');
    await rm(join(folder, 'transform.key'));
    expect((await TransformKeys.open(folder)).own.id).not.toBe(keys.own.id);
  });
});

describe('the sheet of a key', () => {
  const sheet = keySheet({ id, key }, 'node\n1');
  const read = (text: string) => readKeyFile(Buffer.from(text), '--from');

  it('is read again, also as somebody types it', () => {
    expect(read(sheet)).toEqual(key);
    expect(sheet).toContain('Client   node_1\n');
    const typed = sheet.toUpperCase().replace(/ +/gu, '  ').split('\n').slice(2, 9).join('\r\n');
    expect(read(typed)).toEqual(key);
    expect(readKeyFile(key, '--from')).toEqual(key);
  });

  it.each([
    ['  3', (line: string) => line.replaceAll('e', 'c'), 'line 3 of the key is mistyped'],
    ['  1', (line: string) => line.replace('  1', '  2'), 'line 1 of the key is missing'],
    ['  2', () => '', 'line 2 of the key is missing'],
    ['  4', (line: string) => line.slice(0, -1), 'line 4 of the key is missing'],
    ['Key ID', (line: string) => line.replace(/[0-9a-f]{4}$/u, '0000'), 'not the one that "Key ID" names'],
    ['Key ID', () => '', 'no line "Key ID"'],
  ])('with a mistake in "%s" is refused, and the line is named', (begin, change, named) => {
    const lines = sheet.split('\n').map((line) => (line.startsWith(begin) ? change(line) : line));
    expect(lines.join('\n')).not.toBe(sheet);
    expect(() => read(lines.join('\n'))).toThrow(named);
  });
});
