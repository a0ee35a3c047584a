import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { processStat } from '../../../../agent/disks/process-id.ts';
import { findFrozen, listFrozen, writeFrozen } from '../../../../agent/platforms/libvirt/guest/frozen-registry.ts';
import { frozenSince, releaseFrozen, thawGuest } from '../../../../agent/platforms/libvirt/guest/thaw.ts';
import { Virsh } from '../../../../agent/platforms/libvirt/virsh.ts';
import { createLogger } from '../../../../shared/node/log.ts';
import { FakeVirsh } from './fake-virsh.ts';

const uri = 'test:///fake';
const virsh = new Virsh(uri);
const one = '4b2e0bdf-c1ae-4c0c-8124-6d5997d31774';
const two = '4b2e0bdf-c1ae-4c0c-8124-6d5997d31775';
const dead = { pid: 4_194_303, startTime: '1', program: 'node' };
const signal = new AbortController().signal;
const log = createLogger('test', 'silent');

let fake: FakeVirsh;
let roots: { run: string; scratch: string; frozen: string };

beforeEach(() => {
  fake = new FakeVirsh();
  roots = { run: '/nowhere', scratch: '/nowhere', frozen: join(fake.folder, 'registry') };
});
afterEach(() => fake.close());

function note(domain = one, helper = dead): Promise<void> {
  return writeFrozen(roots.frozen, { uri, domain, since: 1_700_000_000_000, helper });
}

describe('the Thaw button', () => {
  it('thaws and forgets', async () => {
    await note();
    fake.set('frozen');
    await thawGuest(virsh, one, roots, signal);
    expect(fake.frozen).toBe(false);
    expect(await listFrozen(roots.frozen)).toEqual([]);
    expect(fake.calls.at(-1)).toMatch(/--timeout=-2$/u);
  });

  it('does no harm to a guest that is not frozen, or off', async () => {
    await thawGuest(virsh, one, roots, signal);
    fake.set('state', 'shut off\n');
    await note();
    await thawGuest(virsh, one, roots, signal);
    expect(await listFrozen(roots.frozen)).toEqual([]);
    expect(fake.calls.filter((call) => call.startsWith('domfsthaw'))).toHaveLength(1);
  });

  it('says what to do when the agent does not answer, and still shows the guest as frozen', async () => {
    await note();
    fake.set('fail-domfsthaw', 'Guest agent is not responding: Guest agent not available for now');
    await expect(thawGuest(virsh, one, roots, signal)).rejects.toMatchObject({
      code: 'guestAgentFailed',
      message: expect.stringMatching(/cannot be thawed now: .*not available/u) as string,
      hint: expect.stringMatching(/Restart qemu-guest-agent/u) as string,
    });
    expect(await frozenSince(roots, uri)).toEqual(new Map([[one, 1_700_000_000_000]]));
  });

  it('paused is not off: it stays frozen', async () => {
    await note();
    fake.set('state', 'paused\n');
    fake.set('fail-domfsthaw', 'Requested operation is not valid: domain is not running');
    await expect(thawGuest(virsh, one, roots, signal)).rejects.toMatchObject({
      hint: expect.stringMatching(/resume/u) as string,
    });
    expect(await listFrozen(roots.frozen)).toHaveLength(1);
  });

  it('on a machine that is gone forgets it', async () => {
    await note();
    fake.set('fail-domstate', `failed to get domain '${one}'`);
    await expect(thawGuest(virsh, one, roots, signal)).rejects.toMatchObject({ code: 'objectVanished' });
    expect(await listFrozen(roots.frozen)).toEqual([]);
  });

  it('can be cancelled', async () => {
    await expect(thawGuest(virsh, one, roots, AbortSignal.abort())).rejects.toMatchObject({ code: 'cancelled' });
  });
});

describe('the start of the agent', () => {
  it('thaws what dead helpers left, and not what a living one holds', async () => {
    await releaseFrozen(roots, log);
    fake.set('frozen');
    await note(one);
    const stat = await processStat(process.pid);
    await note(two, { pid: process.pid, startTime: stat?.startTime ?? '', program: stat?.program ?? '' });
    await releaseFrozen(roots, log);
    expect(fake.frozen).toBe(false);
    expect((await listFrozen(roots.frozen)).map(({ domain }) => domain)).toEqual([two]);
  });

  it('goes on trying in the background, until it is told to stop', async () => {
    await note();
    fake.set('fail-domfsthaw', 'Guest agent is not responding: Guest agent not available for now');
    const stop = new AbortController();
    const released = releaseFrozen(roots, log, stop.signal);
    setTimeout(() => stop.abort(), 300);
    await released;
    expect(await listFrozen(roots.frozen)).toHaveLength(1);
  });
});

describe('the registry of frozen guests', () => {
  it('skips what is not ours', async () => {
    mkdirSync(roots.frozen);
    const entry = JSON.stringify({ uri, domain: two, since: 1, helper: dead });
    for (const [name, content] of [
      [`${one}.json`, 'not JSON'],
      ['other.json', entry],
      ['notes.txt', entry],
      [`${two.replace(/5$/u, '6')}.json`, '{"since":-1}'],
      [`${two.replace(/5$/u, '7')}.json`, `${entry.slice(0, -1)},"x":"${'y'.repeat(20_000)}"}`],
    ] as const) {
      writeFileSync(join(roots.frozen, name), content);
    }
    mkdirSync(join(roots.frozen, 'folder.json'));
    symlinkSync('/dev/zero', join(roots.frozen, 'zero.json'));
    await note(two);
    expect((await listFrozen(roots.frozen)).map(({ domain }) => domain)).toEqual([two]);
    expect(await findFrozen(roots.frozen, one)).toBeUndefined();
  });
});
