// npm run bench:storage [-- --mebibytes 512 --points 1000 --pairs 3 --part s3|sftp|rest|prune|verify]: servers beside what they accept from a bare client, upkeep beside restic.
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Ours } from './data/ours.ts';
import { type Row, tableOf } from './data/table.ts';
import type { BenchServer } from './storage/server.ts';
import { startRest } from './storage/rest-server.ts';
import { startS3 } from './storage/s3-server.ts';
import { startSftp } from './storage/sftp-server.ts';
import { measurePrune, measureVerify } from './storage/upkeep.ts';
import { measureUploads } from './storage/uploads.ts';

const { values } = parseArgs({
  options: {
    mebibytes: { type: 'string', default: '512' },
    points: { type: 'string', default: '1000' },
    pairs: { type: 'string', default: '3' },
    /** Only this part of the table. */
    part: { type: 'string' },
  },
});
const [mebibytes, points, pairs] = [Number(values.mebibytes), Number(values.points), Number(values.pairs)];
/** Throughput is the question: of less, the start of restic would be most. */
const verifiedMebibytes = 2048;
const servers = { s3: startS3, sftp: startSftp, rest: startRest };
const isWanted = (part: string) => values.part === undefined || values.part === part;

const ours = await Ours.start();
await ours.lab.addImages('node1');
const folder = mkdtempSync(join(ours.lab.folder, 'upkeep-'));
const rows: Row[] = [];
try {
  for (const [part, start] of Object.entries(servers)) {
    if (!isWanted(part)) continue;
    const server: BenchServer = await start(ours.lab);
    try {
      rows.push(...(await measureUploads(ours, server, mebibytes, pairs)));
    } finally {
      await server.stop();
    }
  }
  if (isWanted('verify')) rows.push(await measureVerify(ours, folder, Math.max(mebibytes, verifiedMebibytes), pairs));
  if (isWanted('prune')) rows.push(await measurePrune(folder, points, pairs));
  console.log(
    `\n${pairs} pairs, ${cpus().length} × ${cpus()[0]?.model ?? 'CPU'}, medians; ratios of times, medians of pairs\n`,
  );
  console.log(tableOf(rows));
  console.log('\nUploads: a ratio of 1.25 is 0.8 of the throughput that the bare client reached in the same run.');
} finally {
  await ours.close();
  rmSync(folder, { recursive: true, force: true });
}
