import { describe, expect, test } from 'vitest';
import type { Database } from '../../engine/database/open.ts';
import { saveInventory } from '../../engine/database/objects.ts';
import { objectsApi } from '../../engine/api/objects.ts';
import type { ApiContext } from '../../engine/api/context.ts';
import { engineParts, objectUuid, seed } from '../helpers/engine-parts.ts';

const control = { signal: new AbortController().signal, progress: () => undefined };

async function fill(db: Database, platformId: number, count: number): Promise<void> {
  const objects = Array.from({ length: count }, (_, n) => ({
    uuid: objectUuid(n),
    // Every tenth name is the same: the number decides among them.
    name: n % 10 === 0 ? 'twin' : `vm-${String(n % 7)}-${n}`,
    state: 'running' as const,
    guestAgent: 'none' as const,
    frozenSince: null,
    disks: [],
  }));
  await saveInventory(db, platformId, objects);
}

describe('the list of VMs', () => {
  test('travels in pages that together hold every VM once, in order', async () => {
    const core = await engineParts();
    const { platformId } = await seed(core, 1);
    await fill(core.db, platformId, 1234);
    const context = { core, caller: { principal: null, address: '::1' } } as unknown as ApiContext;
    const seen: string[] = [];
    let cursor: string | undefined;
    let pages = 0;
    do {
      const page = await objectsApi['objects.list']({ live: false, cursor }, context, control);
      expect(page.total).toBe(1234);
      expect(JSON.stringify(page).length).toBeLessThan(1024 * 1024);
      seen.push(...page.rows.map((row) => `${row.name} ${String(row.id).padStart(6, '0')}`));
      cursor = page.cursor;
      pages += 1;
    } while (cursor !== undefined);
    expect(pages).toBe(3);
    expect(new Set(seen).size).toBe(1234);
    expect(seen).toEqual(seen.toSorted());
  });

  test('refuses a cursor that no list gave', async () => {
    const core = await engineParts();
    const context = { core, caller: { principal: null, address: '::1' } } as unknown as ApiContext;
    await expect(objectsApi['objects.list']({ live: false, cursor: 'x' }, context, control)).rejects.toMatchObject({
      code: 'invalidValue',
      field: 'cursor',
    });
  });
});
