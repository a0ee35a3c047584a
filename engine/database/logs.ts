import { sql } from 'kysely';
import type { z } from 'zod';
import { logLevels, type logEntrySchema } from '../../shared/contract/engine/logs.ts';
import type { Database } from './open.ts';

type Level = (typeof logLevels)[number];

export interface NewLog {
  level: Level;
  source: 'engine' | 'agent' | 'task' | 'security';
  message: string;
  code?: string | null;
  user?: string | null;
  taskId?: number | null;
  clientId?: number | null;
}

export async function insertLog(db: Database, log: NewLog): Promise<void> {
  await db
    .insertInto('logs')
    .values({
      at: Date.now(),
      level: log.level,
      source: log.source,
      code: log.code ?? null,
      message: log.message,
      user_name: log.user ?? null,
      task_id: log.taskId ?? null,
      client_id: log.clientId ?? null,
    })
    .execute();
}

export interface LogFilter {
  level?: readonly Level[] | undefined;
  clientId?: number | undefined;
  taskId?: number | undefined;
  since?: number | undefined;
  text?: string | undefined;
  /** Only entries older than this number. */
  before?: number | undefined;
  limit: number;
  offset: number;
}

/** What an operator types is text, not a pattern. */
function contains(text: string) {
  return sql<boolean>`logs.message like ${`%${text.replaceAll(/[\\%_]/gu, '\\$&')}%`} escape '\\'`;
}

/** Newest first. */
export async function listLogs(
  db: Database,
  filter: LogFilter,
): Promise<{ rows: Array<z.input<typeof logEntrySchema>>; total: number }> {
  const matching = db
    .selectFrom('logs')
    .$if(filter.level !== undefined, (q) => q.where('logs.level', 'in', [...(filter.level ?? [])]))
    .$if(filter.clientId !== undefined, (q) => q.where('logs.client_id', '=', filter.clientId ?? 0))
    .$if(filter.taskId !== undefined, (q) => q.where('logs.task_id', '=', filter.taskId ?? 0))
    .$if(filter.since !== undefined, (q) => q.where('logs.at', '>=', filter.since ?? 0))
    .$if(filter.text !== undefined, (q) => q.where(contains(filter.text ?? '')));
  const count = await matching.select((s) => s.fn.countAll<number>().as('n')).executeTakeFirstOrThrow();
  const rows = await matching
    .leftJoin('clients', 'clients.id', 'logs.client_id')
    .$if(filter.before !== undefined, (q) => q.where('logs.id', '<', filter.before ?? 0))
    .selectAll('logs')
    .select('clients.name as client')
    .orderBy('logs.id', 'desc')
    .limit(filter.limit)
    .offset(filter.offset)
    .execute();
  return {
    total: Number(count.n),
    rows: rows.map((row) => ({
      id: row.id,
      at: row.at,
      level: logLevels.find((level) => level === row.level) ?? 'info',
      source: row.source,
      code: row.code,
      message: row.message,
      user: row.user_name,
      taskId: row.task_id,
      clientId: row.client_id,
      client: row.client,
    })),
  };
}
