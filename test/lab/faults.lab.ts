// Faults given from outside around jobs on a real VM; `npm run test:lab`.
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runProgram } from '../../shared/node/run-program.ts';
import { Lab } from '../helpers/programs.ts';
import { Guest, labMissing, labUri, startLibvirtd, virsh } from './lab.ts';
import { lacking } from '../helpers/needs.ts';
import { expectNothingLeft } from './nothing-left.ts';

const missing = labMissing();

describe.skipIf(lacking(missing))('faults around a real VM', () => {
  let lab: Lab;
  let guest: Guest;

  beforeAll(async () => {
    startLibvirtd();
    lab = await Lab.create();
    guest = Guest.up('faults', { size: '900M' });
    await lab.startEngine();
    await lab.addAgent('node1');
    await lab.ok('platforms', 'add', '--client', 'node1', '--kind', 'libvirt', '--uri', labUri);
    await lab.addPool('node1');
    await lab.ok(
      'rules',
      'add',
      '--name',
      'vm',
      '--platform',
      'libvirt',
      '--object',
      guest.domain,
      '--pool',
      'Default',
    );
  });
  afterAll(async () => {
    await runProgram('libvirtd', ['-d'], { okCodes: [0, 1] });
    guest.down();
    await lab.close();
  });

  /** Fresh random data, so that the copy takes a while. */
  function fill(): void {
    guest.exec('dd if=/dev/urandom of=/data/vda/fill bs=1M count=500 2>/dev/null; sync');
  }

  async function expectNextSucceeds(): Promise<void> {
    expect((await lab.ended(await lab.run('vm'))).error).toBeNull();
    await expectNothingLeft(lab, guest);
  }

  it('cancel in the middle of the copy: cancelled once export and scratch are gone', async () => {
    fill();
    const id = await lab.run('vm');
    await lab.untilStep('node1', 'copyingData');
    await lab.ok('tasks', 'cancel', String(id));
    expect(await lab.ended(id)).toMatchObject({ state: 'cancelled', backupId: null });
    await expectNothingLeft(lab, guest);
    await expectNextSucceeds();
  });

  it.each(['preparing', 'configuration', 'finalising'])('kill -9 of the agent at the step %s', async (step) => {
    fill();
    const id = await lab.run('vm');
    await lab.untilStep('node1', step);
    await lab.agent('node1').kill('SIGKILL');
    expect(guest.exec('echo alive').trim()).toBe('alive');
    await lab.startAgent('node1');
    expect((await lab.ended(id)).error).toMatchObject({ code: 'agentStopped' });
    await expectNothingLeft(lab, guest);
    await expectNextSucceeds();
  });

  it('kill -9 of the engine in the middle: the agent finishes, the restarted engine shows Done', async () => {
    fill();
    const id = await lab.run('vm');
    await lab.untilStep('node1', 'copyingData');
    await lab.engine.kill('SIGKILL');
    await lab.startEngine();
    expect(await lab.ended(id)).toMatchObject({ state: 'done', error: null });
    await expectNothingLeft(lab, guest);
  });

  it('SIGTERM of the agent in the middle: it cleans up before it ends', async () => {
    fill();
    const id = await lab.run('vm');
    await lab.untilStep('node1', 'copyingData');
    expect(await lab.agent('node1').kill('SIGTERM')).toBe(0);
    expect(virsh('domjobinfo', guest.domain)).toMatch(/None/u);
    await lab.startAgent('node1');
    expect((await lab.ended(id)).error).toMatchObject({ code: 'agentStopped' });
    await expectNothingLeft(lab, guest);
  });

  it('the VM is destroyed in the middle of the copy: failed, and the next backup reads it shut off', async () => {
    fill();
    const id = await lab.run('vm');
    await lab.untilStep('node1', 'copyingData');
    virsh('destroy', guest.domain);
    expect((await lab.ended(id)).error).toMatchObject({ code: 'diskReadFailed' });
    await expectNothingLeft(lab, guest, 'shut off');
    expect((await lab.ended(await lab.run('vm'))).error).toBeNull();
    guest.start();
  });

  it('kill -9 of the agent while it deploys: no VM, no disk stays', async () => {
    const [backup] = await lab.rows('backups', 'list');
    const { json } = await lab.cli('restore', String(backup?.['id']), '--deploy');
    const id = (json as { taskIds: number[] }).taskIds[0] ?? 0;
    await lab.untilStep('node1', 'writingData');
    await lab.agent('node1').kill('SIGKILL');
    await lab.startAgent('node1');
    expect((await lab.ended(id)).error).toMatchObject({ code: 'agentStopped' });
    expect(virsh('list', '--all', '--name')).not.toContain(`${guest.domain}-2`);
    expect((await readdir(guest.folder)).filter((name) => name.includes('qcow2'))).toEqual(['disk0.qcow2']);
    await expectNothingLeft(lab, guest);
  });

  it('another backup job of the VM is respected: objectBusy', async () => {
    const folder = '/var/tmp/holdfast-foreign';
    await mkdir(folder, { recursive: true });
    await runProgram('chown', ['libvirt-qemu', folder]);
    const xml = `<domainbackup mode='pull'><server transport='unix' socket='${folder}/s'/><disks><disk name='vda' backup='yes' type='file'><scratch file='${folder}/scratch'/></disk></disks></domainbackup>`;
    await writeFile(`${folder}/b.xml`, xml);
    virsh('backup-begin', guest.domain, `${folder}/b.xml`);
    try {
      expect((await lab.ended(await lab.run('vm'))).error).toMatchObject({ code: 'objectBusy' });
      expect(virsh('domjobinfo', guest.domain)).not.toMatch(/None/u);
    } finally {
      virsh('domjobabort', guest.domain);
      await rm(folder, { recursive: true, force: true });
    }
  });

  it('a disk file that is gone, a VM that is gone, a libvirtd that is stopped: each its own code', async () => {
    guest.shutDown();
    const image = guest.image(0, 'qcow2');
    await rename(image, `${image}.away`);
    expect((await lab.ended(await lab.run('vm'))).error).toMatchObject({ code: 'diskMissing' });
    await rename(`${image}.away`, image);

    const xml = `${guest.folder}/domain.xml`;
    virsh('undefine', guest.domain, '--checkpoints-metadata');
    expect((await lab.ended(await lab.run('vm'))).error).toMatchObject({ code: 'objectVanished' });
    virsh('define', xml);

    const { stdout } = await runProgram('pgrep', ['-x', 'libvirtd']);
    for (const pid of stdout.trim().split('\n')) process.kill(Number(pid), 'SIGTERM');
    await lab.until(
      'libvirtd to end',
      async () => (await runProgram('pgrep', ['-x', 'libvirtd'], { okCodes: [0, 1] })).exitCode === 1,
    );
    expect((await lab.ended(await lab.run('vm'))).error).toMatchObject({ code: 'platformUnreachable' });
    const [object] = await lab.rows('objects', 'list');
    expect(object).toMatchObject({ stale: true });
    startLibvirtd();
  });
});
