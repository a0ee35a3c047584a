import { mkdir } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeRandomFile } from '../helpers/random-file.ts';
import { Lab } from '../helpers/programs.ts';
import { missingSshd } from '../helpers/sshd.ts';

const mib = 1024 * 1024;

describe.skipIf(missingSshd !== undefined)('an agent behind an SSH server', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await Lab.create('ssh');
    await lab.startEngine();
  });
  afterAll(() => lab.close());

  it('backs up', async () => {
    await lab.addAgent('node1');
    const images = await lab.addImages('node1');
    await mkdir(images, { recursive: true });
    await writeRandomFile(`${images}/web.raw`, 8 * mib, [{ at: 0, length: 5 * mib }]);
    await lab.addPool('node1');
    await lab.addRule('nightly', 'web.raw');
    expect(await lab.cli('rules', 'run', 'nightly', '--wait')).toMatchObject({ code: 0 });
  });
});
