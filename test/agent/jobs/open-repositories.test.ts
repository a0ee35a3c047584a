import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { OpenRepositories } from '../../../agent/jobs/open-repositories.ts';
import { repositoryTargetSchema } from '../../../shared/model/job.ts';
import { temporaryFolder } from '../../helpers/temporary-folder.ts';

afterEach(() => vi.useRealTimers());

function targetAt(path: string, password = 'pw') {
  return repositoryTargetSchema.parse({ storage: { kind: 'local', path }, password, repositoryId: null });
}

test('keeps only the ones used last open, and never closes one in use', async () => {
  const folder = await temporaryFolder();
  const repositories = new OpenRepositories(1);
  const targets = ['a', 'b', 'c'].map((name) => targetAt(join(folder, name)));
  for (const target of targets) await repositories.prepare(target, true);
  expect(repositories.openCount).toBe(1);
  const [first, second, third] = targets as [(typeof targets)[0], (typeof targets)[0], (typeof targets)[0]];
  await repositories.use(first, async (repository) => {
    await Promise.all([second, third].map((target) => repositories.use(target, async ({ id }) => id)));
    expect(repositories.openCount).toBe(2);
    // Still open: a lock can be written and goes again.
    await (await repository.lock()).release();
  });
  expect(repositories.openCount).toBe(1);
  await repositories.closeAll();
  expect(repositories.openCount).toBe(0);
});

test('one that is used while another one takes its place is closed by its last user', async () => {
  const folder = await temporaryFolder();
  const repositories = new OpenRepositories();
  const [here, other] = [targetAt(join(folder, 'here')), targetAt(join(folder, 'other'))];
  const { repositoryId } = await repositories.prepare(here, true);
  const { repositoryId: otherId } = await repositories.prepare(other, true);
  const closed = await repositories.use(here, async (old) => {
    const close = vi.spyOn(old, 'close');
    await rm(join(folder, 'here'), { recursive: true });
    await cp(join(folder, 'other'), join(folder, 'here'), { recursive: true });
    expect(await repositories.use(here, async ({ id }) => id)).toBe(otherId);
    expect(old.id).toBe(repositoryId);
    expect(close).not.toHaveBeenCalled();
    return close;
  });
  await vi.waitFor(() => expect(closed).toHaveBeenCalledOnce());
  expect(await repositories.use(here, async ({ id }) => id)).toBe(otherId);
  await repositories.closeAll();
});

test('a wrong password leaves nothing behind that fails later', async () => {
  const path = join(await temporaryFolder(), 'here');
  const repositories = new OpenRepositories();
  await repositories.prepare(targetAt(path), true);
  await repositories.closeAll();
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const failed: unknown[] = [];
  const remember = (error: unknown) => failed.push(error);
  process.on('unhandledRejection', remember);
  try {
    await expect(repositories.use(targetAt(path, 'wrong'), async () => 1)).rejects.toMatchObject({
      code: 'wrongPassword',
    });
    await vi.advanceTimersByTimeAsync(10 * 60_000);
    vi.useRealTimers();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(failed).toEqual([]);
    expect(repositories.openCount).toBe(0);
  } finally {
    process.off('unhandledRejection', remember);
  }
});
