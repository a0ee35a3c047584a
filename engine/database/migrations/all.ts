import type { Kysely } from 'kysely';
import { up as first } from './0001-first.ts';
import { up as changedBlocks } from './0002-changed-blocks.ts';
import { up as storages } from './0003-storages.ts';
import { up as ssh } from './0004-ssh.ts';
import { up as poolOptions } from './0005-pool-options.ts';
import { up as repositories } from './0006-repositories.ts';
import { up as groups } from './0007-groups.ts';

/** Numbered migrations: the schema's version is the length of this list. Never edit one that was released. */
export const allMigrations: ReadonlyArray<<T>(db: Kysely<T>, idColumn: string) => Promise<void>> = [
  first,
  changedBlocks,
  storages,
  ssh,
  poolOptions,
  repositories,
  groups,
];
