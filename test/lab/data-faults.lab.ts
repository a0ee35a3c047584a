// Faults given from outside before, during and after the copy of a real VM; the run after each is right. `npm run test:lab`.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TaskView } from '../../shared/contract/engine/tasks.ts';
import { lacking } from '../helpers/needs.ts';
import { diskRows } from './faults/disk-rows.ts';
import { FaultLab } from './faults/fault-lab.ts';
import type { FaultRow } from './faults/fault-row.ts';
import { FaultTable, waysOf } from './faults/fault-table.ts';
import { hostRows } from './faults/host-rows.ts';
import { labMissing } from './lab.ts';

/** So much is new in the qcow2 disk for the run with the fault. MiB. */
const newMebibytes = 16;

describe.skipIf(lacking(labMissing()))('faults around the copy', () => {
  let lab: FaultLab;
  const table = new FaultTable();

  beforeAll(async () => {
    lab = await FaultLab.create('datafaults');
  });
  afterAll(async () => {
    console.log(`\n${table.text()}\n`);
    await lab.close();
  });

  async function runWith(row: FaultRow): Promise<TaskView> {
    if (row.at === 'beforeRun') {
      await row.give(lab);
      return lab.backUp();
    }
    if (row.at === 'afterRun') {
      const task = await lab.backUp();
      await row.give(lab);
      return task;
    }
    const { at } = row;
    return lab.slowly(async () => {
      let ended: TaskView;
      const id = await lab.lab.run('vm');
      try {
        await lab.lab.untilStep('node1', at);
        await row.give(lab);
      } finally {
        ended = await lab.lab.ended(id, 150);
      }
      return ended;
    }, row.rate);
  }

  it('the first run reads everything', async () => {
    expect(waysOf(await lab.backUpRight())).toEqual({ vda: 'firstPoint', vdb: 'formatWithoutBitmap' });
  });

  it.each([...hostRows, ...diskRows])('$fault, $when the copy', async (row) => {
    let run: TaskView | undefined;
    let next: TaskView | undefined;
    try {
      await row.prepare?.(lab);
      if (lab.guest.state === 'running') lab.write(newMebibytes);
      try {
        run = await runWith(row);
      } finally {
        await row.mend?.(lab);
      }
      expect(row.outcomes, JSON.stringify(run)).toContain(run.error?.code ?? run.state);
      await lab.expectNoTraces(row.state ?? 'running');
      next = await lab.backUpRight();
      expect(waysOf(next)).toEqual({ vda: 'incremental', vdb: 'formatWithoutBitmap', ...row.next });
      await row.proof?.(lab);
      await lab.expectNoTraces(row.state ?? 'running');
    } finally {
      table.add(row.fault, row.when, { run, next });
      await row.tidy?.(lab);
      if (lab.guest.state === 'shut off') lab.guest.start();
    }
  });
});
