// npm run bench:data [-- --pairs 5 --part raw|guest]: backup and restore of a 4 GiB disk beside restic, Borg and virtnbdbackup, all in one run.
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Guest, labUri, startLibvirtd } from '../lab/lab.ts';
import { RawDiskBench } from './data/raw-disk.ts';
import { GuestBench } from './data/guest-disk.ts';
import { measureLimits } from './data/limits.ts';
import { Ours } from './data/ours.ts';
import { isInstalled } from './data/peers.ts';
import { makeDisk } from './data/synthetic-disk.ts';
import { tableOf } from './data/table.ts';

const { values } = parseArgs({
  options: {
    pairs: { type: 'string', default: '5' },
    /** Only this part of the table. */
    part: { type: 'string' },
    folder: { type: 'string', default: '/var/tmp/holdfast-bench' },
  },
});
const pairs = Number(values.pairs);
const missing = ['restic', 'borg', 'virtnbdbackup', 'qemu-img', 'virsh'].filter((program) => !isInstalled(program));
if (missing.length > 0) {
  process.stderr.write(`bench:data needs ${missing.join(', ')}: apt-get install restic borgbackup virtnbdbackup\n`);
  process.exit(2);
}

/** Everything of one run, removed at its end; the synthetic disk stays for the next. */
mkdirSync(values.folder, { recursive: true });
const disk = makeDisk(values.folder);
const folder = mkdtempSync(join(values.folder, 'run-'));
// QEMU, which is not root, reads the changes of the guest's disk from there.
chmodSync(folder, 0o755);
const ours = await Ours.start();
startLibvirtd();
const guests = [
  Guest.up('bench', { size: '4G', start: false }),
  Guest.up('bench-peer', { size: '4G', start: false }),
] as const;
try {
  const limits = await measureLimits(disk, join(folder, 'limits.sock'));
  const raw = new RawDiskBench(ours, disk, folder);
  if (values.part !== 'guest') await raw.run(pairs);
  console.log(`${tableOf(raw.rows(limits))}\n`);
  const running = new GuestBench(ours, guests, disk, folder);
  if (values.part !== 'raw') await running.run(pairs, labUri);
  const perSecond = (bytes: number, seconds: number) => `${(bytes / 1e6 / seconds).toFixed(0)} MB/s`;
  console.log(
    `\n${pairs} pairs, ${cpus().length} × ${cpus()[0]?.model ?? 'CPU'}, medians; ratios are medians of pairs\n`,
  );
  console.log(tableOf([...raw.rows(limits), ...running.rows()]));
  console.log(
    [
      `\nLimits, one thread: SHA-256 ${perSecond(limits.dataBytes, limits.shaSeconds)}`,
      `zstd 1 ${perSecond(limits.dataBytes, limits.zstdSeconds)}`,
      `AES-CTR ${perSecond(limits.packedBytes, limits.sealSeconds)}`,
      `pack hash ${perSecond(limits.packedBytes, limits.packHashSeconds)}`,
      `NBD read ${perSecond(limits.dataBytes, limits.nbdSeconds)} (1 MiB × 4, wall)`,
      `pipeline bound on two cores ${limits.pipelineSeconds.toFixed(2)} s`,
    ].join(', '),
  );
  console.log(running.firstReads(raw.firstReadMs));
  console.log(
    'virtnbdbackup does the same job (changed blocks through libvirt); restic and Borg scan the whole disk to find changes.',
  );
} finally {
  for (const guest of guests) guest.down();
  await ours.close();
  rmSync(folder, { recursive: true, force: true });
}
