import { hasCode } from '../shared/errors.ts';
import type { ListenAddress } from '../shared/node/listen.ts';
import type { Database } from './database/open.ts';
import { findSetting, saveSetting } from './database/settings.ts';

/**
 * Port 0 is chosen once and kept, so that agents and bookmarks find the engine again. When another program has taken
 * a kept port an embedded engine takes a new one, a served one fails (DETAILS 20).
 * @throws AppError portInUse
 */
export async function keptPort<T extends { port: number }>(
  db: Database,
  key: 'consolePort' | 'agentPort',
  wanted: ListenAddress,
  mayMove: boolean,
  start: (address: ListenAddress) => Promise<T>,
): Promise<T> {
  const kept = wanted.port === 0 ? Number((await findSetting(db, key)) ?? 0) : wanted.port;
  const server = await startAt(kept, wanted, mayMove && wanted.port === 0, start);
  if (wanted.port === 0) await saveSetting(db, key, String(server.port));
  return server;
}

async function startAt<T>(
  port: number,
  wanted: ListenAddress,
  mayMove: boolean,
  start: (address: ListenAddress) => Promise<T>,
): Promise<T> {
  try {
    return await start({ ...wanted, port });
  } catch (error) {
    if (!mayMove || port === 0 || !hasCode(error, 'portInUse')) throw error;
    return start({ ...wanted, port: 0 });
  }
}
