// Freezing a real guest, and whatever may go wrong with it; `npm run test:lab`.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createPlatform } from '../../agent/platforms/all.ts';
import { parseDomain } from '../../agent/platforms/libvirt/domain.ts';
import { GuestFreeze } from '../../agent/platforms/libvirt/guest/guest-freeze.ts';
import { frozenSince, releaseFrozen, thawGuest } from '../../agent/platforms/libvirt/guest/thaw.ts';
import { Virsh } from '../../agent/platforms/libvirt/virsh.ts';
import type { ReachedConsistency } from '../../agent/platforms/platform.ts';
import { type Quiesce, quiesceSchema } from '../../shared/model/job.ts';
import { createLogger } from '../../shared/node/log.ts';
import { runProgram } from '../../shared/node/run-program.ts';
import { TestScope } from '../agent/platforms/job-scope.ts';
import { lacking } from '../helpers/needs.ts';
import { Guest, labMissing, labUri, startLibvirtd, virsh } from './lab.ts';

const killed = join(import.meta.dirname, 'killed-freezer.ts');
const signal = new AbortController().signal;

describe.skipIf(lacking(labMissing()))('the guest of a real VM', () => {
  let guest: Guest;
  let uuid: string;
  const frozen = mkdtempSync(join(tmpdir(), 'hf-frozen-'));
  const roots = { run: '/nowhere', scratch: '/nowhere', frozen };

  beforeAll(() => {
    startLibvirtd();
    guest = Guest.up('freeze', { size: '128M' });
    uuid = guest.uuid;
  });
  afterAll(() => {
    guest.down();
    rmSync(frozen, { recursive: true });
  });

  function prepare(quiesce: Partial<Quiesce> = {}): Promise<GuestFreeze> {
    const domain = parseDomain(virsh('dumpxml', guest.domain));
    const whole = quiesceSchema.parse(quiesce);
    const helper = GuestFreeze.startHelper(whole, roots);
    const parts = { quiesce: whole, helper, roots, scope: new TestScope() };
    return GuestFreeze.prepare(new Virsh(labUri), domain, parts);
  }

  async function run(quiesce: Partial<Quiesce> = {}, between?: () => unknown): Promise<ReachedConsistency> {
    const freeze = await prepare(quiesce);
    try {
      await freeze.freeze();
      await between?.();
      await freeze.thaw();
      return freeze.result();
    } finally {
      await freeze.close();
    }
  }

  /** The agent of a frozen guest refuses this. */
  function isFrozen(): boolean {
    try {
      virsh('domfsinfo', guest.domain);
      return false;
    } catch (error) {
      if (/in frozen state/u.test(String(error))) return true;
      throw error;
    }
  }

  function script(path: string, ...lines: string[]): void {
    guest.exec(`printf '%s\\n' '#!/bin/sh' ${lines.map((line) => `'${line}'`).join(' ')} > ${path}; chmod +x ${path}`);
  }

  /** Stops the guest agent for some seconds, a little later: it cannot be told while it is stopped. */
  function hang(afterSeconds: number, seconds: number): void {
    const command = `sleep ${afterSeconds}; killall -STOP qemu-ga; sleep ${seconds}; killall -CONT qemu-ga`;
    guest.exec(`(${command}) >/dev/null 2>&1 &`);
  }

  it('freezes and thaws under load, in well under a second', async () => {
    guest.load('start');
    const result = await run({}, () => expect(isFrozen()).toBe(true));
    guest.load('stop');
    expect(result).toMatchObject({ level: 'filesystem', problem: null });
    const milliseconds = (result.thawedAt ?? Infinity) - (result.frozenAt ?? 0);
    console.log(`frozen for ${milliseconds} ms`);
    expect(milliseconds).toBeLessThan(2000);
    expect(isFrozen()).toBe(false);
    expect(readdirSync(frozen)).toEqual([]);
  });

  it('kill -9 of the agent while frozen: thawed without any agent', async () => {
    const { stdout } = await runProgram(process.execPath, [killed, guest.domain, frozen], { okCodes: [-1] });
    const died = Date.now();
    expect(z.object({ level: z.string() }).parse(JSON.parse(stdout)).level).toBe('filesystem');
    await expect.poll(() => isFrozen() || readdirSync(frozen).length > 0, { timeout: 30_000 }).toBe(false);
    console.log(`thawed ${Date.now() - died} ms after the agent died`);
  });

  it('a signal to the helper thaws, and the point does not count as still', async () => {
    const freeze = await prepare();
    await freeze.freeze();
    process.kill(freeze.helperPid ?? 0, 'SIGTERM');
    await expect.poll(isFrozen, { timeout: 5000 }).toBe(false);
    await freeze.thaw();
    await freeze.close();
    expect(freeze.result()).toMatchObject({ level: 'crash' });
    expect(freeze.result().problem).toMatch(/thawed by a signal/u);
  });

  it('nobody keeps it frozen for more than 30 s', async () => {
    const result = await run({}, () => sleep(31_000));
    expect(result).toMatchObject({ level: 'crash' });
    expect(result.problem).toMatch(/thawed after 30 s/u);
    expect((result.thawedAt ?? Infinity) - (result.frozenAt ?? 0)).toBeLessThan(31_000);
  });

  it('frozen by us is told by the inventory, and the Thaw button undoes it', async () => {
    const platform = createPlatform('libvirt', { uri: labUri }, { uuid, name: 'lab', roots });
    const result = await run({}, async () => {
      const since = (await frozenSince(roots, labUri)).get(uuid);
      const row = (await platform.listObjects(signal)).find((found) => found.uuid === uuid);
      expect(row?.frozenSince).toBe(since);
      await platform.thaw(uuid, signal);
      expect(isFrozen()).toBe(false);
      expect(await frozenSince(roots, labUri)).toEqual(new Map());
    });
    expect(result.problem).toMatch(/thawed by somebody else/u);
  });

  it('helper and agent both killed: thawed at the next start of the agent', async () => {
    const freeze = await prepare();
    await freeze.freeze();
    process.kill(freeze.helperPid ?? 0, 'SIGKILL');
    await sleep(200);
    expect(isFrozen()).toBe(true);
    await releaseFrozen(roots, createLogger('lab', 'silent'));
    expect(isFrozen()).toBe(false);
    expect(readdirSync(frozen)).toEqual([]);
    await freeze.close();
  });

  it('a freeze of somebody else is left alone', async () => {
    virsh('domfsfreeze', guest.domain);
    expect((await run()).problem).toMatch(/somebody else has frozen it/u);
    expect(isFrozen()).toBe(true);
    virsh('domfsthaw', guest.domain);
  });

  it('a hook that refuses is named', async () => {
    guest.exec('touch /run/freeze-fails');
    const result = await run();
    guest.exec('rm /run/freeze-fails');
    expect(result).toMatchObject({ level: 'crash', frozenAt: null });
    expect(result.problem).toMatch(/freeze hook in the guest refused.*status 1/u);
    expect(isFrozen()).toBe(false);
  });

  it('a hook that takes its time is waited for; one that takes too long is thawed later', async () => {
    guest.exec('cp /etc/fsfreeze-hook /run/hook');
    script('/etc/fsfreeze-hook', '[ "$1" = thaw ] || sleep 5');
    expect(await run()).toMatchObject({ level: 'filesystem', problem: null });
    script('/etc/fsfreeze-hook', '[ "$1" = thaw ] || sleep 19');
    const result = await run();
    expect(result).toMatchObject({ level: 'crash' });
    expect(result.problem).toMatch(/in case it freezes later/u);
    expect(readdirSync(frozen)).toHaveLength(1);
    await expect.poll(() => readdirSync(frozen), { timeout: 40_000, interval: 500 }).toEqual([]);
    expect(isFrozen()).toBe(false);
    guest.exec('cp /run/hook /etc/fsfreeze-hook');
  });

  it('an agent that hangs costs some seconds, and thawing works once it answers again', async () => {
    hang(1, 14);
    await sleep(2000);
    const began = Date.now();
    const result = await run();
    expect(Date.now() - began).toBeLessThan(10_000);
    expect(result.problem).toMatch(/guest agent does not answer: restart qemu-guest-agent/u);
    await expect(thawGuest(new Virsh(labUri), uuid, roots, AbortSignal.timeout(3000))).rejects.toMatchObject({
      code: 'cancelled',
    });
    await sleep(6000);
    await expect.poll(() => thawGuest(new Virsh(labUri), uuid, roots, signal), { timeout: 30_000 }).toBeUndefined();
    expect(await run()).toMatchObject({ level: 'filesystem', problem: null });
  });

  it('an agent that hangs while the guest is frozen: thawed as soon as it answers', async () => {
    hang(3, 10);
    const result = await run({}, () => sleep(4000));
    expect(result).toMatchObject({ level: 'filesystem' });
    expect(isFrozen()).toBe(false);
    expect(readdirSync(frozen)).toEqual([]);
  });

  it('a paused machine is not frozen', async () => {
    virsh('suspend', guest.domain);
    const result = await run();
    virsh('resume', guest.domain);
    expect(result.problem).toMatch(/paused or shut off/u);
  });

  it('scripts in the guest: before, after, failing, too slow, missing', async () => {
    script('/run/before', 'touch /data/vda/was-before');
    script('/run/after', 'rm /data/vda/was-before');
    script('/run/bad', 'echo "no license" >&2; exit 3');
    script('/run/slow', 'sleep 3');
    const well = await run({ scriptBefore: '/run/before', scriptAfter: '/run/after' });
    expect(well).toMatchObject({ level: 'application', problem: null });
    expect(guest.exec('ls /data/vda')).not.toContain('was-before');
    const bad = await run({ scriptBefore: '/run/bad' });
    expect(bad).toMatchObject({ level: 'filesystem' });
    expect(bad.problem).toMatch(/\/run\/bad in the guest ended with code 3.*no license/u);
    const slow = await run({ scriptBefore: '/run/slow', scriptTimeoutSeconds: 1 });
    expect(slow.problem).toMatch(/did not end within 1 s/u);
    const none = await run({ scriptBefore: '/run/none' });
    expect(none.problem).toMatch(/was not run: does it exist there/u);
  });

  it('without its agent it is not frozen', async () => {
    guest.exec('touch /run/no-agent; (sleep 1; killall qemu-ga; sleep 8; rm /run/no-agent) >/dev/null 2>&1 &');
    await expect.poll(() => virsh('dumpxml', guest.domain), { timeout: 10_000 }).toContain("state='disconnected'");
    const result = await run();
    expect(result.problem).toMatch(/no guest agent is connected: install qemu-guest-agent/u);
  });
});
