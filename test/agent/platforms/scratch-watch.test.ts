import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { ScratchWatch } from '../../../agent/platforms/libvirt/scratch-watch.ts';
import { onTmpfs } from '../../helpers/tmpfs.ts';

const mib = 1024 * 1024;

it('tells when the room for scratch files comes to its end, before it is used up', async (context) => {
  await onTmpfs(context, '48m', async (folder) => {
    const watch = await ScratchWatch.start(folder);
    await sleep(700);
    expect(watch.signal.aborted).toBe(false);
    await writeFile(join(folder, 'scratch'), Buffer.alloc(20 * mib));
    for (let i = 0; i < 40 && !watch.signal.aborted; i++) await sleep(50);
    expect(watch.signal.reason).toMatchObject({ code: 'scratchFull' });
    await watch.end();
  });
});

it('does not begin where there is too little room', async (context) => {
  await onTmpfs(context, '8m', async (folder) => {
    await expect(ScratchWatch.start(folder)).rejects.toMatchObject({ code: 'scratchFull' });
  });
});
