// A rule with the protective transformation, from the command line; its points on a client that has not got the key.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Lab, poolPassword } from '../helpers/programs.ts';
import { hashFile, writeRandomFile } from '../helpers/random-file.ts';

const mib = 1024 * 1024;

describe('a rule with the protective transformation', () => {
  let lab: Lab;
  let image: string;
  let backupId = 0;

  const restore = async (to: string, client: string) => {
    const { taskIds } = await lab.ok('restore', String(backupId), '--to', lab.path(to), '--client', client);
    return lab.ended((taskIds as number[])[0] ?? 0);
  };

  beforeAll(async () => {
    lab = await Lab.create();
    await lab.startEngine();
    await lab.addAgent('node1');
    await lab.addAgent('node2');
    image = `${await lab.addImages('node1')}/vm.raw`;
    await writeRandomFile(image, 24 * mib, [{ at: 0, length: 9 * mib }]);
    const password = await lab.passwordFile(poolPassword);
    const place = ['--kind', 'local', '--path', lab.path('pool'), '--password-file', password];
    await lab.ok('pools', 'add', '--name', 'Default', '--client', 'node1', 'node2', ...place);
  });
  afterAll(() => lab.close());

  it('refuses a cipher it does not know, and names the known ones', async () => {
    const what = ['--platform', 'images', '--object', 'vm.raw', '--pool', 'Default'];
    const refused = await lab.fails('rules', 'add', '--name', 'wrong', ...what, '--transform', 'rot13');
    expect(refused).toMatchObject({ exit: 2, code: 'invalidValue' });
    expect(refused.message).toContain('kuznyechik');
  });

  it('says what its points were transformed with, and restores them where the key is', async () => {
    const what = ['--platform', 'images', '--object', 'vm.raw', '--pool', 'Default', '--type', 'incremental'];
    const added = await lab.cli('rules', 'add', '--name', 'secret', ...what, '--transform', 'aria-256');
    expect(added.stderr).toContain('can never be restored');
    expect(added).toMatchObject({ code: 0, json: { transform: 'aria-256' } });
    const task = await lab.ended(await lab.run('secret'));
    expect(task).toMatchObject({ error: null, state: 'done' });
    backupId = task.backupId ?? 0;
    const { own } = (await lab.program('agent/main.ts', ['keys', 'show', '--data', lab.path('node1')])).json as {
      own: string;
    };
    expect(await lab.ok('backups', 'show', String(backupId))).toMatchObject({ transform: 'aria-256', keyId: own });

    expect(await restore('out1', 'node1')).toMatchObject({ error: null });
    const { objectUuid } = await lab.ok('backups', 'show', String(backupId));
    const restored = lab.path('out1', String(objectUuid), 'disks', 'vm.raw', 'disk.raw');
    expect(await hashFile(restored)).toBe(await hashFile(image));
    await lab.ok('backups', 'verify', String(backupId), '--wait');
    expect(await lab.ok('backups', 'show', String(backupId))).toMatchObject({ verification: 'trusted' });
  });

  it('a client without the key says which one is missing and who has it; with it, the point comes back', async () => {
    const failed = await restore('out2', 'node2');
    expect(failed.error).toMatchObject({ code: 'transformKeyMissing' });
    expect(failed.error?.message).toContain('node1');
    const sheet = lab.path('sheet.txt');
    const keys = (node: string, ...args: string[]) =>
      lab.program('agent/main.ts', ['keys', ...args, '--data', lab.path(node)]);
    expect(await keys('node1', 'export', '--out', sheet)).toMatchObject({ code: 0 });
    expect(await keys('node2', 'import', '--from', sheet)).toMatchObject({ code: 0 });
    expect(await restore('out3', 'node2')).toMatchObject({ error: null });
  });

  it('stores everything anew for a rule without a cipher', async () => {
    const what = ['--platform', 'images', '--object', 'vm.raw', '--pool', 'Default', '--type', 'incremental'];
    await lab.ok('rules', 'add', '--name', 'plain', ...what);
    const task = await lab.ended(await lab.run('plain'));
    expect(task).toMatchObject({ error: null, state: 'done' });
    expect(task.bytesStored).toBeGreaterThan(9 * mib);
    expect(await lab.ok('backups', 'show', String(task.backupId))).toMatchObject({ transform: null, keyId: null });
  });
});
