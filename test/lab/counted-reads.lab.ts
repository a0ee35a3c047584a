// What an increment reads, counted by nbdkit between export and reader: one that reads everything and stores little fails.
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NbdClient } from '../../agent/disks/nbd/nbd-client.ts';
import { allocationContext, NbdDisk } from '../../agent/disks/nbd/nbd-disk.ts';
import type { OpenedDisk } from '../../agent/platforms/platform.ts';
import type { ContentList } from '../../agent/repository/content-list.ts';
import type { PlanOptions } from '../../agent/repository/disk-plan.ts';
import type { WrittenDisk } from '../../agent/repository/disk-writer.ts';
import { createRepository, type Repository } from '../../agent/repository/repository.ts';
import { LocalStorage } from '../../agent/repository/storage/local.ts';
import { mib } from '../agent/disks/images.ts';
import { TestScope } from '../agent/platforms/job-scope.ts';
import { newCheckpointName, openSource } from '../agent/platforms/open-source.ts';
import { lacking } from '../helpers/needs.ts';
import { backUp, storeDisk, vmTree } from '../helpers/repositories.ts';
import { resticPassword, testKdf } from '../helpers/repository-settings.ts';
import { type Counted, CountingProxy, nbdkitMissing } from './counting-proxy.ts';
import { Guest, labMissing } from './lab.ts';
import { expectNothingLeft, labPlatform, openedOf, roots, startLab } from './libvirt-lab.ts';

const signal = new AbortController().signal;
const platform = labPlatform();

/** One disk stored through the proxy. */
interface Run {
  written: WrittenDisk;
  counted: Counted;
  /** What our own client says. */
  clientRead: number;
  checkpoint: string;
}

/** The promise about 16 MiB that were written in one run. */
function expectLittleRead({ counted }: Run): void {
  expect(counted.bytesRead).toBeGreaterThanOrEqual(16 * mib);
  expect(counted.bytesRead).toBeLessThanOrEqual(32 * mib);
}

function expectHonest({ written, counted, clientRead }: Run): void {
  expect(counted.bytesRead).toBe(written.bytesRead);
  expect(counted.bytesRead).toBe(clientRead);
  // Rounded, and in other units when it is less; nothing at all is left out.
  if (written.bytesRead >= mib) expect(counted.statsRead).toBe(`${(written.bytesRead / mib).toFixed(2)} MiB`);
}

describe.skipIf(lacking(labMissing() ?? nbdkitMissing()))(
  'reads of a real VM, counted between agent and export',
  () => {
    let folder: string;
    let repository: Repository;
    let guest: Guest;
    let whole: Run;
    let increment: Run;

    beforeAll(async () => {
      await startLab();
      folder = await mkdtemp('/var/tmp/hf-counted-');
      repository = await createRepository(new LocalStorage(join(folder, 'pool')), resticPassword, { kdf: testKdf });
      guest = Guest.up('counted', { size: '256M' });
      guest.exec('dd if=/dev/urandom of=/data/vda/first bs=1M count=80 2>/dev/null; sync');
    });
    afterAll(async () => {
      guest.down();
      await repository.close();
      await rm(folder, { recursive: true });
    });

    /** Stores vda as `options` say, read through a proxy, and leaves a checkpoint. */
    async function run(
      name: string,
      base: string | undefined,
      options: (opened: OpenedDisk) => Partial<PlanOptions>,
    ): Promise<Run> {
      const scope = new TestScope();
      const checkpoint = newCheckpointName();
      const source = await openSource(platform, guest.uuid, scope, {
        bases: base === undefined ? {} : { vda: base },
        checkpoint: { name: checkpoint, full: base === undefined },
      });
      const proxyFolder = join(folder, name);
      await mkdir(proxyFolder);
      const proxy = await CountingProxy.start(proxyFolder, join(roots.run, scope.jobUuid, 'backup.sock'), 'vda');
      const contexts = [allocationContext];
      const client = await NbdClient.connect({ socketPath: proxy.socket, exportName: 'vda', contexts }, signal);
      const disk = new NbdDisk('vda', 'qcow2', client);
      const { result: written } = await backUp(
        repository,
        (writer) => storeDisk(writer, disk, options(openedOf(source, 'vda'))),
        ({ content }) => vmTree({ vda: content }),
      );
      await disk.close();
      const counted = await proxy.stop();
      await source.release();
      await source.keepCheckpoint();
      await expectNothingLeft(scope);
      return { written, counted, clientRead: disk.bytesRead, checkpoint };
    }

    /** Reads what changed since `base` only. */
    const incremental = (name: string, base: Run) =>
      run(name, base.checkpoint, ({ changes }) => {
        if (changes === undefined) throw new Error('no changes are known');
        return { parent: base.written.content, changed: changes.extents(signal) };
      });

    const write16 = (name: string) =>
      guest.exec(`dd if=/dev/urandom of=/data/vda/${name} bs=1M count=16 2>/dev/null; sync`);

    it('the first run reads what is allocated, and nobody counts another number of bytes', async () => {
      whole = await run('whole', undefined, () => ({}));
      expectHonest(whole);
      expect(whole.counted.bytesRead).toBeGreaterThan(80 * mib);
      expect(whole.counted.bytesRead).toBeLessThan(whole.written.sizeBytes);
    });

    it('16 MiB written: at most 32 MiB went over the connection', async () => {
      write16('second');
      increment = await incremental('increment', whole);
      expectHonest(increment);
      expectLittleRead(increment);
      expect(increment.written.bytesStored).toBeLessThanOrEqual(24 * mib);
    });

    it('nothing written: next to nothing is read', async () => {
      const idle = await incremental('idle', increment);
      expectHonest(idle);
      expect(idle.counted.bytesRead).toBeLessThanOrEqual(4 * mib);
    });

    it('negative control: a run that reads everything and stores little does not pass', async () => {
      write16('third');
      const parent: ContentList = increment.written.content;
      const lazy = await run('lazy', undefined, () => ({ parent }));
      expectHonest(lazy);
      // By what is stored it cannot be told from an increment.
      expect(lazy.written.bytesStored).toBeLessThanOrEqual(24 * mib);
      expect(() => expectLittleRead(lazy)).toThrow(/less than or equal/u);
    });
  },
);
