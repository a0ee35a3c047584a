import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { Lab } from '../helpers/programs.ts';
import { writeRandomFile } from '../helpers/random-file.ts';

const mib = 1024 * 1024;

describe('memory', () => {
  it('stays under 300 MiB for a 20 GiB sparse disk with 2 GiB of data', async () => {
    const lab = await Lab.create();
    try {
      await lab.startEngine();
      await lab.addAgent('node1');
      const images = await lab.addImages('node1');
      const gib = 1024 * mib;
      await writeRandomFile(`${images}/sparse.raw`, 20 * gib, [
        { at: gib, length: gib },
        { at: 15 * gib, length: gib },
      ]);
      await lab.addPool('node1');
      await lab.addRule('sparse', 'sparse.raw');
      expect(await lab.ended(await lab.run('sparse'))).toMatchObject({ state: 'done' });
      const status = await readFile(`/proc/${lab.agent('node1').pid}/status`, 'utf8');
      const peakMib = Number(/VmHWM:\s+(\d+)/u.exec(status)?.[1]) / 1024;
      console.log(`peak memory of the agent: ${peakMib.toFixed(0)} MiB`);
      expect(peakMib).toBeLessThan(300);
    } finally {
      await lab.close();
    }
  });
});
