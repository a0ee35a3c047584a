import { AppError } from '../../shared/errors.ts';
import type { Database } from './open.ts';

const nouns = {
  clients: 'client',
  client_groups: 'client group',
  platforms: 'platform',
  objects: 'VM',
  pools: 'pool',
  rules: 'rule',
  tasks: 'task',
  backups: 'backup',
} as const;
export type Findable = keyof typeof nouns;

/** Columns besides UUID in which a reference may be found. */
const nameColumns: Record<Findable, readonly ('name' | 'hwid')[]> = {
  clients: ['name', 'hwid'],
  client_groups: ['name'],
  platforms: ['name'],
  objects: ['name'],
  pools: ['name'],
  rules: ['name'],
  tasks: [],
  backups: [],
};

/**
 * Number of the record an operator means: all digits = the number, else UUID or unique name, clients also by HWID
 * (DESIGN §9).
 * @param within for objects: only those of this platform
 * @throws AppError notFound, ambiguous (listing the matches), with `field` naming the parameter
 */
export async function findId(
  db: Database,
  table: Findable,
  ref: string,
  field: string,
  within?: number,
): Promise<number> {
  const query = db
    .selectFrom(table as 'clients')
    .select(['id', 'uuid'])
    .where((where) =>
      /^\d{1,15}$/u.test(ref)
        ? where('id', '=', Number(ref))
        : where.or([
            where('uuid', '=', ref.toLowerCase()),
            ...nameColumns[table].map((column) => where(column, '=', ref)),
          ]),
    )
    .limit(11);
  const rows = await (within === undefined ? query : query.where('platform_id' as 'id', '=', within)).execute();
  const [first, second] = rows;
  if (first === undefined) throw new AppError('notFound', `${nouns[table]} "${ref}" does not exist`, { field });
  if (second !== undefined) {
    const list = rows.map((row) => `${row.id} (${row.uuid})`).join(', ');
    throw new AppError('ambiguous', `"${ref}" means more than one ${nouns[table]}: ${list}`, {
      field,
      hint: 'Give the number or the UUID.',
    });
  }
  return first.id;
}
