import { copyFile, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import SQLite from 'better-sqlite3';
import { type Kysely, sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { up as first } from '../../engine/database/migrations/0001-first.ts';
import { type Database, openDatabase } from '../../engine/database/open.ts';
import { findSetting, saveSetting } from '../../engine/database/settings.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

type Step = <T>(db: Kysely<T>, idColumn: string) => Promise<void>;
const steps: Step[] = [];
vi.mock('../../engine/database/migrations/all.ts', () => ({
  get allMigrations() {
    return steps;
  },
}));

const addColumn: Step = async (db) => {
  await sql.raw('alter table settings add column noted integer not null default 5').execute(db);
};

let folder: string;
let file: string;

beforeEach(async () => {
  folder = await temporaryFolder();
  file = join(folder, 'holdfast.db');
  steps.splice(0, steps.length, first);
});

async function using<T>(work: (db: Database) => Promise<T>): Promise<T> {
  const db = await openDatabase(file);
  try {
    return await work(db);
  } finally {
    await db.destroy();
  }
}

function versionOf(path: string): number {
  const sqlite = new SQLite(path, { readonly: true });
  try {
    return Number(sqlite.pragma('user_version', { simple: true }));
  } finally {
    sqlite.close();
  }
}

async function pragma(db: Database, name: string): Promise<unknown> {
  const { rows } = await sql.raw<Record<string, unknown>>(`pragma ${name}`).execute(db);
  return Object.values(rows[0] ?? {})[0];
}

test('what is acknowledged survives a power cut, and references are checked', async () => {
  await using(async (db) => {
    expect(await pragma(db, 'journal_mode')).toBe('wal');
    expect(await pragma(db, 'synchronous')).toBe(2);
    expect(await pragma(db, 'foreign_keys')).toBe(1);
    await expect(db.insertInto('pool_clients').values({ pool_id: 99, client_id: 99 }).execute()).rejects.toThrow(
      /FOREIGN/u,
    );
  });
});

test('an existing database keeps its rows and is not copied', async () => {
  await using((db) => saveSetting(db, 'engineUuid', 'a'));
  await using(async (db) => {
    expect(await findSetting(db, 'engineUuid')).toBe('a');
    await saveSetting(db, 'engineUuid', 'b');
    expect(await findSetting(db, 'engineUuid')).toBe('b');
  });
  expect((await readdir(folder)).filter((name) => name.includes('.v'))).toEqual([]);
});

describe('an older schema', () => {
  beforeEach(() => using((db) => saveSetting(db, 'engineUuid', 'kept')));

  test('is copied, then migrated', async () => {
    steps.push(addColumn);
    await using(async (db) => {
      expect(await db.selectFrom('settings').selectAll().execute()).toEqual([
        { key: 'engineUuid', value: 'kept', noted: 5 },
      ]);
    });
    expect(versionOf(file)).toBe(2);
    const [copy] = (await readdir(folder)).filter((name) => name.startsWith('holdfast.db.v1.'));
    expect(versionOf(join(folder, copy ?? ''))).toBe(1);
    const sqlite = new SQLite(join(folder, copy ?? ''), { readonly: true });
    expect(sqlite.prepare('select value from settings').all()).toEqual([{ value: 'kept' }]);
    sqlite.close();
  });

  test('stays whole when a migration fails', async () => {
    steps.push(addColumn, () => Promise.reject(new Error('step 3 is broken')));
    await expect(openDatabase(file)).rejects.toThrow('step 3 is broken');
    expect(versionOf(file)).toBe(1);
    steps.pop();
    await using(async (db) => expect(await db.selectFrom('settings').selectAll().execute()).toHaveLength(1));
    expect(versionOf(file)).toBe(2);
  });
});

test('a newer schema is refused and not touched', async () => {
  steps.push(addColumn);
  await using((db) => saveSetting(db, 'engineUuid', 'a'));
  const before = await readFile(file);
  const names = (await readdir(folder)).sort();
  steps.pop();
  await expect(openDatabase(file)).rejects.toMatchObject({ code: 'databaseTooNew' });
  expect((await readFile(file)).equals(before)).toBe(true);
  expect((await readdir(folder)).sort()).toEqual(names);
});

test('a file that is no database is refused and not touched', async () => {
  const text = 'this is a letter, not a database\n'.repeat(100);
  await writeFile(file, text);
  await expect(openDatabase(file)).rejects.toThrow();
  expect(await readFile(file, 'utf8')).toBe(text);
});

describe('after a crash', () => {
  afterEach(() => vi.restoreAllMocks());

  test('what was committed is there, though nobody closed the file', async () => {
    const db = await openDatabase(file);
    await saveSetting(db, 'engineUuid', 'committed');
    for (const name of await readdir(folder))
      await copyFile(join(folder, name), join(folder, name.replace('holdfast', 'crashed')));
    await db.destroy();
    file = join(folder, 'crashed.db');
    await using(async (crashed) => expect(await findSetting(crashed, 'engineUuid')).toBe('committed'));
  });
});
