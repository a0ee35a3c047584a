import { randomUUID } from 'node:crypto';
import type { ParamsOut } from '../../shared/contract/method.ts';
import type { rulesContract } from '../../shared/contract/engine/rules.ts';
import type { Handlers } from '../../shared/contract/method.ts';
import { AppError, toWireError } from '../../shared/errors.ts';
import { findId } from '../database/find.ts';
import { insertLog } from '../database/logs.ts';
import { getPlatform } from '../database/platforms.ts';
import { deleteRule, getRule, listRules, type RuleFields, type RuleRow, saveRule } from '../database/rules.ts';
import type { EngineCore } from '../core.ts';
import { findExecutors } from '../tasks/executors.ts';
import { type ApiContext, userName } from './context.ts';
import { reachable, refreshInventory } from './inventory.ts';
import { ruleViews } from './rule-views.ts';

type GivenFields = ParamsOut<(typeof rulesContract)['rules.add']>;

/** Resolves references; VMs are looked up live while an agent is online (DETAILS 18). */
async function resolve(core: EngineCore, given: GivenFields): Promise<RuleFields> {
  const platformId = await findId(core.db, 'platforms', given.platform, 'platform');
  const platform = await getPlatform(core.db, platformId);
  if (reachable(core, platform)) {
    await refreshInventory(core, platform).catch((error: unknown) => {
      // The stored rows still serve; the platform's row says what is wrong.
      core.log.warn({ platformId, reason: toWireError(error).message }, 'live inventory failed');
    });
  }
  const poolId = await findId(core.db, 'pools', given.pool, 'pool');
  const clientId = given.client === null ? null : await findId(core.db, 'clients', given.client, 'client');
  const objectIds = new Set<number>();
  for (const ref of given.objects) objectIds.add(await findId(core.db, 'objects', ref, 'objects', platformId));
  await findExecutors(core.db, core.registry, { poolId, platformId, clientId });
  return {
    name: given.name,
    type: given.type,
    quiesce: given.quiesce,
    transform: given.transform,
    platformId,
    poolId,
    clientId,
    objectIds: [...objectIds],
  };
}

/** The chosen members of a rule, or all. @throws AppError invalidValue naming one that is not in the rule */
async function membersOf(core: EngineCore, rule: RuleRow, refs: readonly string[] | undefined): Promise<number[]> {
  if (refs === undefined) return rule.objectIds;
  const chosen = new Set<number>();
  for (const ref of refs) {
    const id = await findId(core.db, 'objects', ref, 'objects', rule.platformId);
    if (!rule.objectIds.includes(id))
      throw new AppError('invalidValue', `rule "${rule.name}" does not protect "${ref}"`, { field: 'objects' });
    chosen.add(id);
  }
  return [...chosen];
}

async function view(core: EngineCore, id: number) {
  const [row] = await ruleViews(core, [await getRule(core.db, id)]);
  if (row === undefined) throw new AppError('notFound', `rule ${id} does not exist`);
  return row;
}

async function note(context: ApiContext, message: string): Promise<void> {
  await insertLog(context.core.db, { level: 'info', source: 'engine', message, user: userName(context) });
  for (const topic of ['rules', 'objects', 'logs'] as const) context.core.changes.announce(topic);
}

export const rulesApi: Handlers<typeof rulesContract, ApiContext> = {
  async 'rules.list'(_params, { core }) {
    const rows = await ruleViews(core, await listRules(core.db));
    return { rows, total: rows.length };
  },
  async 'rules.get'({ rule }, { core }) {
    return view(core, await findId(core.db, 'rules', rule, 'rule'));
  },
  async 'rules.add'(given, context) {
    const { core } = context;
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    const id = await saveRule(core.db, await resolve(core, given), zone);
    await note(context, `rule "${given.name}" was added`);
    return view(core, id);
  },
  async 'rules.edit'({ rule, fields }, context) {
    const { core } = context;
    const id = await findId(core.db, 'rules', rule, 'rule');
    const { zone } = await getRule(core.db, id);
    await saveRule(core.db, await resolve(core, fields), zone, id);
    await note(context, `rule "${fields.name}" was changed`);
    return view(core, id);
  },
  async 'rules.run'({ rule, type, reread, objects }, context) {
    const { core } = context;
    const row = await getRule(core.db, await findId(core.db, 'rules', rule, 'rule'));
    if (row.objectIds.length === 0) throw new AppError('objectVanished', `rule "${row.name}" has no VM any more`);
    const taskIds = [];
    for (const objectId of await membersOf(core, row, objects)) {
      const task = await core.queue.add({
        kind: 'backup',
        mode: type ?? row.type,
        priority: 0,
        wantedClientId: row.clientId,
        objectId,
        platformId: row.platformId,
        ruleId: row.id,
        poolId: row.poolId,
        backupUuid: randomUUID(),
        spec: { backup: { type: type ?? row.type, reread } },
        startedBy: userName(context),
      });
      taskIds.push(task.id);
    }
    return { taskIds };
  },
  async 'rules.remove'({ rule }, context) {
    const { core } = context;
    const id = await findId(core.db, 'rules', rule, 'rule');
    const { name } = await getRule(core.db, id);
    await deleteRule(core.db, id);
    await note(context, `rule "${name}" was removed`);
    return {};
  },
};
