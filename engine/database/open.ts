import { copyFile } from 'node:fs/promises';
import SQLite from 'better-sqlite3';
import { Kysely, sql, SqliteDialect } from 'kysely';
import { AppError } from '../../shared/errors.ts';
import { allMigrations } from './migrations/all.ts';
import type { Tables } from './tables.ts';

export type Database = Kysely<Tables>;

/** What SQLite calls a generated key; PostgreSQL's spelling will stand in a file of its own. */
const idColumn = 'id integer primary key autoincrement';

/**
 * Opens the SQLite database, in WAL mode with foreign keys on, and brings its schema up to date. An older schema is
 * copied to `FILE.v<N>.<time>` first and migrated in one transaction (DETAILS 21).
 * @throws AppError databaseTooNew when a newer Holdfast wrote it; nothing is touched then
 */
export async function openDatabase(file: string): Promise<Database> {
  const sqlite = new SQLite(file);
  try {
    const version = Number(sqlite.pragma('user_version', { simple: true }));
    refuseNewer(file, version);
    sqlite.pragma('journal_mode = WAL');
    // FULL: a result that was acknowledged to an agent must survive a power cut.
    sqlite.pragma('synchronous = FULL');
    sqlite.pragma('foreign_keys = ON');
    sqlite.pragma('busy_timeout = 5000');
    if (version > 0 && version < allMigrations.length) {
      sqlite.pragma('wal_checkpoint(TRUNCATE)');
      await copyFile(file, `${file}.v${version}.${new Date().toISOString().replaceAll(':', '-')}`);
    }
    const db: Database = new Kysely<Tables>({ dialect: new SqliteDialect({ database: sqlite }) });
    await migrate(db, version);
    return db;
  } catch (error) {
    sqlite.close();
    throw error;
  }
}

function refuseNewer(file: string, version: number): void {
  if (version <= allMigrations.length) return;
  throw new AppError(
    'databaseTooNew',
    `${file} has schema ${version}; this Holdfast knows schemas up to ${allMigrations.length}`,
    { hint: 'Start the newer Holdfast that wrote it, or use another data folder.' },
  );
}

async function migrate(db: Database, version: number): Promise<void> {
  if (version === allMigrations.length) return;
  await db.transaction().execute(async (transaction) => {
    for (const step of allMigrations.slice(version)) await step(transaction, idColumn);
    await sql.raw(`pragma user_version = ${allMigrations.length}`).execute(transaction);
  });
}

/** True for the error of a violated UNIQUE constraint. */
export function isUniqueViolation(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'SQLITE_CONSTRAINT_UNIQUE';
}
