import type { Database } from './open.ts';

/** Facts the engine keeps about itself. */
export type SettingKey = 'engineUuid' | 'consolePort' | 'agentPort';

export async function findSetting(db: Database, key: SettingKey): Promise<string | undefined> {
  const row = await db.selectFrom('settings').select('value').where('key', '=', key).executeTakeFirst();
  return row?.value;
}

export async function saveSetting(db: Database, key: SettingKey, value: string): Promise<void> {
  await db
    .insertInto('settings')
    .values({ key, value })
    .onConflict((conflict) => conflict.column('key').doUpdateSet({ value }))
    .execute();
}
