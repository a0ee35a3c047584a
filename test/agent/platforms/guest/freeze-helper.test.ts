import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseDomain } from '../../../../agent/platforms/libvirt/domain.ts';
import { serveFreeze } from '../../../../agent/platforms/libvirt/guest/freeze-helper.ts';
import { listFrozen } from '../../../../agent/platforms/libvirt/guest/frozen-registry.ts';
import { GuestFreeze } from '../../../../agent/platforms/libvirt/guest/guest-freeze.ts';
import type { HelperEvent, ThawReason } from '../../../../agent/platforms/libvirt/guest/helper-protocol.ts';
import { Virsh } from '../../../../agent/platforms/libvirt/virsh.ts';
import { quiesceSchema } from '../../../../shared/model/job.ts';
import { fullDomain } from '../domain-fixture.ts';
import { TestScope } from '../job-scope.ts';
import { FakeVirsh } from './fake-virsh.ts';

const domain = '4b2e0bdf-c1ae-4c0c-8124-6d5997d31774';

let fake: FakeVirsh;
let folder: string;

beforeEach(() => {
  fake = new FakeVirsh();
  folder = join(fake.folder, 'registry');
});
afterEach(() => fake.close());

async function serve(wish: Promise<ThawReason>, frozenLimitMs?: number): Promise<HelperEvent[]> {
  const said: HelperEvent[] = [];
  await serveFreeze(
    { do: 'prepare', uri: 'test:///fake', domain, folder },
    { freeze: Promise.resolve(), thaw: wish },
    (event) => void (event.event === 'ready' || said.push(event)),
    frozenLimitMs,
  );
  return said;
}

const never = new Promise<ThawReason>(() => undefined);

describe('the freeze helper', () => {
  it('thaws after its time limit without being told', async () => {
    const [frozen, thawed] = await serve(never, 300);
    expect(frozen).toMatchObject({ event: 'frozen', count: 2 });
    expect(thawed).toMatchObject({ event: 'thawed', count: 2, why: 'timeLimit' });
    expect(fake.frozen).toBe(false);
  });

  it('freezes nothing when its agent is gone before', async () => {
    expect(await serve(Promise.resolve('agentGone'))).toEqual([]);
    expect(fake.calls.some((call) => call.startsWith('domfsfreeze'))).toBe(false);
    expect(await listFrozen(folder)).toEqual([]);
  });

  it('freezes nothing that it cannot note beforehand', async () => {
    fake.set('registry', 'a file in the way');
    expect(await serve(never)).toMatchObject([
      { event: 'refused', message: expect.stringMatching(/be noted/u) as string },
    ]);
    expect(fake.frozen).toBe(false);
  });

  it('says at once when the first thaw fails', async () => {
    fake.set('once-domfsthaw', 'Guest agent is not responding: gone');
    expect((await serve(never, 100)).map(({ event }) => event)).toEqual(['frozen', 'thawFailed', 'thawed']);
  });

  it('is a process in a session of its own with nothing of the agent in its environment', async () => {
    process.env['HF_TEST_SECRET'] = 'not for children';
    const roots = { run: '/nowhere', scratch: '/nowhere', frozen: folder };
    const scope = new TestScope();
    const quiesce = quiesceSchema.parse({});
    const helper = GuestFreeze.startHelper(quiesce, roots);
    const parts = { quiesce, helper, roots, scope };
    const freeze = await GuestFreeze.prepare(new Virsh('test:///fake'), parseDomain(fullDomain), parts);
    try {
      await freeze.freeze();
      const { helperPid = 0 } = freeze;
      expect(readFileSync(`/proc/${helperPid}/environ`, 'utf8')).not.toContain('HF_TEST_SECRET');
      const session = readFileSync(`/proc/${helperPid}/stat`, 'utf8')
        .replace(/^.*\) /su, '')
        .split(' ')[3];
      expect(Number(session)).toBe(helperPid);
      expect((await listFrozen(folder))[0]?.helper.pid).toBe(helperPid);
    } finally {
      delete process.env['HF_TEST_SECRET'];
      await freeze.close();
    }
  });
});
