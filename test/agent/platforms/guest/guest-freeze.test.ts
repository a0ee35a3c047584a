import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseDomain } from '../../../../agent/platforms/libvirt/domain.ts';
import { GuestFreeze } from '../../../../agent/platforms/libvirt/guest/guest-freeze.ts';
import { frozenSince } from '../../../../agent/platforms/libvirt/guest/thaw.ts';
import { Virsh } from '../../../../agent/platforms/libvirt/virsh.ts';
import type { ReachedConsistency } from '../../../../agent/platforms/platform.ts';
import { type Quiesce, quiesceSchema } from '../../../../shared/model/job.ts';
import { fullDomain } from '../domain-fixture.ts';
import { TestScope } from '../job-scope.ts';
import { FakeVirsh } from './fake-virsh.ts';

const domain = parseDomain(fullDomain);
const uri = 'test:///fake';

let fake: FakeVirsh;
let scope: TestScope;
let roots: { run: string; scratch: string; frozen: string };

beforeEach(() => {
  fake = new FakeVirsh();
  scope = new TestScope();
  roots = { run: '/nowhere', scratch: '/nowhere', frozen: join(fake.folder, 'registry') };
});
afterEach(() => fake.close());

function prepare(quiesce: Partial<Quiesce> = {}, changed: Partial<typeof domain> = {}): Promise<GuestFreeze> {
  const whole = quiesceSchema.parse(quiesce);
  const helper = GuestFreeze.startHelper(whole, roots);
  return GuestFreeze.prepare(new Virsh(uri), { ...domain, ...changed }, { quiesce: whole, helper, roots, scope });
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

/** Calls that matter, by name. */
function names(): string[] {
  return fake.calls.map((call) => call.split(' ')[0] ?? '').filter((name) => name !== 'guest-agent-timeout');
}

function noted(): string[] {
  return existsSync(roots.frozen) ? readdirSync(roots.frozen) : [];
}

describe('a freeze', () => {
  it('freezes in time and thaws, and notes it meanwhile for nobody else to read', async () => {
    const before = Date.now();
    const result = await run({}, async () => {
      expect(fake.frozen).toBe(true);
      expect(noted()).toEqual([`${domain.uuid}.json`]);
      expect(statSync(roots.frozen).mode & 0o777).toBe(0o700);
      expect(statSync(join(roots.frozen, `${domain.uuid}.json`)).mode & 0o777).toBe(0o600);
      const since = (await frozenSince(roots, uri)).get(domain.uuid) ?? 0;
      expect(since).toBeGreaterThanOrEqual(before);
      expect(await frozenSince(roots, 'test:///other')).toEqual(new Map());
    });
    expect(result).toMatchObject({ level: 'filesystem', problem: null });
    expect(result.thawedAt).toBeGreaterThanOrEqual(result.frozenAt ?? Infinity);
    expect(fake.frozen).toBe(false);
    expect(noted()).toEqual([]);
    expect(names()).toEqual(['domfsinfo', 'domfsfreeze', 'domfsthaw']);
  });

  it('limits how long libvirt waits for the agent, and puts the default back', async () => {
    await run();
    const limits = fake.calls.filter((call) => call.startsWith('guest-agent-timeout'));
    expect(limits.map((call) => call.split('=')[1])).toEqual(['3', '15', '-2']);
  });

  it('thaws and ends its helper when only close is called', async () => {
    const freeze = await prepare();
    await freeze.freeze();
    await freeze.close();
    expect(fake.frozen).toBe(false);
    expect(noted()).toEqual([]);
  });

  it('without wish, off or without agent starts nothing and says why only where it was asked for', async () => {
    for (const [quiesce, changed, problem] of [
      [{ freeze: false }, {}, null],
      [{}, { active: false }, null],
      [{}, { guestAgent: 'none' }, /no channel for the guest agent.*org\.qemu\.guest_agent\.0/u],
      [{}, { guestAgent: 'disconnected' }, /no guest agent is connected: install/u],
      [{ scriptBefore: '/x' }, { guestAgent: 'disconnected' }, /scripts were not run/u],
    ] as const) {
      const freeze = await prepare(quiesce, changed);
      await freeze.freeze();
      await freeze.thaw();
      await freeze.close();
      expect(freeze.result()).toMatchObject({ level: 'crash', frozenAt: null, thawedAt: null });
      if (problem === null) expect(freeze.result().problem).toBeNull();
      else expect(freeze.result().problem).toMatch(problem);
    }
    expect(fake.calls).toEqual([]);
  });

  it('cancelled in the middle leaves nothing frozen', async () => {
    fake.set('slow-domfsfreeze', '1');
    const freeze = await prepare();
    setTimeout(() => scope.cancel(), 700);
    await expect(freeze.freeze()).rejects.toMatchObject({ code: 'cancelled' });
    await freeze.close();
    expect(fake.frozen).toBe(false);
    expect(noted()).toEqual([]);
  });

  it('that somebody else ends too early counts as none', async () => {
    const result = await run({}, () => fake.unset('frozen'));
    expect(result).toMatchObject({ level: 'crash' });
    expect(result.problem).toMatch(/thawed by somebody else/u);
  });
});

describe('a guest that will not freeze', () => {
  const no = 'internal error: unable to execute QEMU agent command';
  it.each([
    ['fail-domfsinfo', 'Guest agent is not responding: Guest agent not available for now', /does not answer: restart/u],
    [
      'fail-domfsinfo',
      'Guest agent is not responding: QEMU guest agent is not connected',
      /no guest agent is connected/u,
    ],
    ['fail-domfsinfo', 'Requested operation is not valid: domain is not running', /paused or shut off/u],
    ['fail-guest-agent-timeout', "failed to get domain 'x'", /does not exist any more/u],
    [
      'fail-domfsfreeze',
      `${no} 'guest-fsfreeze-freeze': fsfreeze hook has failed with status 1`,
      /freeze hook in the guest refused.*status 1/u,
    ],
    [
      'fail-domfsfreeze',
      `${no} 'guest-fsfreeze-freeze': failed to open /srv: Permission denied`,
      /setsebool -P virt_qemu_ga_read_nonsecurity_files on.*setenforce 0.*\/srv/u,
    ],
    [
      'fail-domfsfreeze',
      `${no} 'guest-fsfreeze-freeze': The command guest-fsfreeze-freeze has been disabled for this instance`,
      /blocked commands of qemu-ga/u,
    ],
  ])('%s: %s', async (file, text, problem) => {
    fake.set(file, text);
    const result = await run();
    expect(result).toMatchObject({ level: 'crash', frozenAt: null, thawedAt: null });
    expect(result.problem).toMatch(problem);
    expect(result.problem).toMatch(/^the guest was not frozen, because/u);
    expect(names()).not.toContain('domfsthaw');
    expect(noted()).toEqual([]);
  });

  it('is left frozen when somebody else froze it', async () => {
    fake.set('frozen');
    const result = await run();
    expect(result.problem).toMatch(/somebody else has frozen it/u);
    expect(fake.frozen).toBe(true);
  });

  it('is thawed first when a dead helper of ours froze it', async () => {
    const first = await prepare();
    await first.freeze();
    process.kill(first.helperPid ?? 0, 'SIGKILL');
    await sleep(100);
    const result = await run();
    expect(result).toMatchObject({ level: 'filesystem', problem: null });
    expect(names().slice(2)).toEqual(['domfsinfo', 'domfsthaw', 'domfsfreeze', 'domfsthaw']);
    await first.close();
  });

  it('is left to the helper that already holds it', async () => {
    const result = await run({}, async () => {
      const before = fake.calls;
      expect((await run()).problem).toMatch(/an earlier freeze of ours is not undone yet/u);
      expect(fake.calls).toEqual(before);
      expect(fake.frozen).toBe(true);
    });
    expect(result).toMatchObject({ level: 'filesystem', problem: null });
  });

  it('is thawed until that succeeds when it may freeze later', async () => {
    fake.set('once-domfsfreeze', 'Guest agent is not responding: Guest agent not available for now');
    fake.set('fail-domfsthaw', 'Guest agent is not responding: Guest agent not available for now');
    const result = await run();
    expect(result).toMatchObject({ level: 'crash', frozenAt: null });
    expect(result.problem).toMatch(/does not answer.*in case it freezes later/u);
    expect(noted()).toHaveLength(1);
    fake.set('frozen');
    fake.unset('fail-domfsthaw');
    await expect.poll(() => fake.frozen, { timeout: 5000 }).toBe(false);
    await expect.poll(noted, { timeout: 5000 }).toEqual([]);
  });
});

describe('a thaw that fails', () => {
  it('is repeated until it succeeds', async () => {
    const result = await run({}, () => fake.set('once-domfsthaw', 'Guest agent is not responding: gone'));
    expect(result).toMatchObject({ level: 'filesystem', problem: null });
    expect(fake.frozen).toBe(false);
  });

  it('because only the hook failed is no reason to go on', async () => {
    const failing =
      "internal error: unable to execute QEMU agent command 'guest-fsfreeze-thaw': fsfreeze hook has failed";
    const result = await run({}, () => {
      fake.set('fail-domfsthaw', failing);
      fake.unset('frozen');
    });
    expect(result).toMatchObject({ level: 'filesystem', problem: null });
    expect(names().filter((name) => name === 'domfsthaw')).toHaveLength(1);
  });

  it('because the machine was switched off is done', async () => {
    const result = await run({}, () => {
      fake.set('fail-domfsthaw', 'Requested operation is not valid: domain is not running');
      fake.set('state', 'shut off\n');
    });
    expect(result.thawedAt).not.toBeNull();
    expect(noted()).toEqual([]);
  });

  it('because the helper was killed is made by the agent', async () => {
    const freeze = await prepare();
    await freeze.freeze();
    process.kill(freeze.helperPid ?? 0, 'SIGKILL');
    await freeze.thaw();
    await freeze.close();
    expect(freeze.result().problem).toMatch(/helper that thaws the guest was killed/u);
    expect(fake.frozen).toBe(false);
    expect(noted()).toEqual([]);
  });
});

describe('scripts in the guest', () => {
  const both = { scriptBefore: '/opt/before', scriptAfter: '/opt/after' };

  it('before the freeze and after the thaw make it application-consistent', async () => {
    fake.script(0);
    expect(await run(both)).toMatchObject({ level: 'application', problem: null });
    expect(names()).toEqual([
      'qemu-agent-command',
      'qemu-agent-command',
      'domfsinfo',
      'domfsfreeze',
      'domfsthaw',
      'qemu-agent-command',
      'qemu-agent-command',
    ]);
    const [started = ''] = fake.calls;
    expect(started).toContain('"path":"/opt/before","arg":[],"capture-output":true');
  });

  it('only one after, or no freeze, is no application consistency', async () => {
    fake.script(0);
    expect(await run({ scriptAfter: '/opt/after' })).toMatchObject({ level: 'filesystem', problem: null });
    expect(await run({ ...both, freeze: false })).toMatchObject({ level: 'crash', problem: null });
  });

  it('that fails is named with its code and its error output, made harmless', async () => {
    fake.script(3, `\u001B[31mno space\nleft\u202E ${'x'.repeat(2000)}`);
    const result = await run({ scriptBefore: '/opt/before' });
    expect(result).toMatchObject({ level: 'filesystem' });
    expect(result.problem).toMatch(
      /^the script \/opt\/before in the guest ended with code 3; see why there: \[31mno space left x+…$/u,
    );
    expect(result.problem?.length).toBeLessThan(600);
  });

  it('before that works and after that fails is not application-consistent', async () => {
    fake.script(0);
    const result = await run(both, () => fake.script(1));
    expect(result).toMatchObject({ level: 'filesystem' });
    expect(result.problem).toMatch(/\/opt\/after in the guest ended with code 1/u);
  });

  it('that does not end is left running after its time', async () => {
    fake.set('exec', '{"return":{"pid":7}}');
    fake.set('exec-status', '{"return":{"exited":false}}');
    const began = Date.now();
    const result = await run({ scriptBefore: '/opt/before', scriptTimeoutSeconds: 1 });
    expect(result.problem).toMatch(/did not end within 1 s/u);
    expect(result.level).toBe('filesystem');
    expect(Date.now() - began).toBeLessThan(5000);
  });

  it.each([
    ["'guest-exec': Failed to execute child process “/opt/before” (No such file or directory)", /does it exist there/u],
    ["'guest-exec': Failed to execute child process “/opt/before” (Permission denied)", /may it be executed/u],
    ["'guest-exec': The command guest-exec has been disabled for this instance", /blocked commands of qemu-ga/u],
  ])('that cannot be started: %s', async (text, problem) => {
    fake.set('fail-qemu-agent-command', `internal error: unable to execute QEMU agent command ${text}`);
    expect((await run({ scriptBefore: '/opt/before' })).problem).toMatch(problem);
  });

  it.each(['', 'null', '[]', '{"return":{}}', '{"return":{"pid":-1}}', '{"return":{"pid":1e99}}', '['.repeat(100_000)])(
    'whose agent answers nonsense: %.20s',
    async (answer) => {
      fake.set('exec', answer);
      expect((await run({ scriptBefore: '/opt/before' })).problem).toMatch(/answered nonsense/u);
    },
  );

  it('after is run even when the job was cancelled', async () => {
    fake.script(0);
    const freeze = await prepare(both);
    await freeze.freeze();
    scope.cancel();
    await freeze.close();
    expect(fake.calls.filter((call) => call.includes('/opt/after'))).toHaveLength(1);
  });
});
