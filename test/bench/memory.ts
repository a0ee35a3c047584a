// npm run bench:memory: the agent's peak memory on a 2 TiB sparse disk with 4 GiB of data, and on a repository of a million blobs.
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { SealingKey } from '../../agent/repository/cipher.ts';
import { encodeIndex, type FinishedPack } from '../../agent/repository/index-file.ts';
import { readMasterKey } from '../../agent/repository/key-file.ts';
import { createStorage } from '../../agent/repository/storage/all.ts';
import { sealUnpacked } from '../../agent/repository/unpacked.ts';
import type { TaskView } from '../../shared/contract/engine/tasks.ts';
import { Lab } from '../helpers/programs.ts';

const GiB = 1024 ** 3;
const { values } = parseArgs({
  options: {
    folder: { type: 'string', default: '/var/tmp/holdfast-bench' },
    gibibytes: { type: 'string', default: '4' },
    blobs: { type: 'string', default: '1000000' },
  },
});
const dataBytes = Number(values.gibibytes) * GiB;
const poolPassword = 'bench';

/** A sparse file with the data in 256 pieces, spread over all of it. */
async function makeSparse(path: string, sizeBytes: number): Promise<void> {
  const pieces = 256;
  const file = await open(path, 'w');
  await file.truncate(sizeBytes);
  const block = randomBytes(dataBytes / pieces);
  for (let piece = 0; piece < pieces; piece++) {
    block.writeUInt32LE(piece, 0);
    // Every cell differs from those of other pieces.
    for (let at = 0; at < block.length; at += 256 * 1024) block.writeUInt32LE(piece * 7919 + 1, at + 8);
    await file.write(block, 0, block.length, Math.floor(sizeBytes / pieces) * piece);
  }
  await file.close();
}

/** Index files over packs that are not there: what loading an index costs, without terabytes of packs. */
async function plantBlobs(path: string, blobs: number): Promise<void> {
  const storage = createStorage({ kind: 'local', path });
  const key = new SealingKey(await readMasterKey(storage, poolPassword));
  const perPack = 60;
  for (let written = 0; written < blobs; ) {
    const packs: FinishedPack[] = [];
    for (let inFile = 0; inFile < 50_000 && written < blobs; inFile += perPack, written += perPack) {
      const list = Array.from({ length: perPack }, (_, k) => ({
        id: randomBytes(32),
        offset: k * 90_000,
        length: 90_000,
        plainLength: 256 * 1024,
        compressed: true,
      }));
      packs.push({ name: randomBytes(32).toString('hex'), type: 'data', blobs: list });
    }
    const file = sealUnpacked(key, encodeIndex(packs));
    await storage.write('index', file.name, [file.bytes]);
  }
}

async function peakMiB(lab: Lab): Promise<number> {
  const status = await readFile(`/proc/${lab.agent('node1').pid}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+)/u.exec(status)?.[1]) / 1024;
}

async function restartAgent(lab: Lab): Promise<void> {
  await lab.agent('node1').kill('SIGTERM');
  await lab.startAgent('node1');
}

async function backUp(lab: Lab, rule: string): Promise<TaskView> {
  const task = await lab.ended(await lab.run(rule), 1800);
  if (task.error !== null) throw new Error(task.error.message);
  return task;
}

const secondsOf = (task: TaskView) => (((task.endedAt ?? 0) - (task.startedAt ?? 0)) / 1000).toFixed(1);

await mkdir(values.folder, { recursive: true });
const folder = await mkdtemp(join(values.folder, 'memory-'));
const lab = await Lab.create();
try {
  await makeSparse(join(folder, 'dense.raw'), dataBytes);
  await makeSparse(join(folder, 'sparse.raw'), 2048 * GiB);
  await lab.startEngine();
  await lab.addAgent('node1');
  await lab.ok(
    'platforms',
    'add',
    '--client',
    'node1',
    '--kind',
    'image-directory',
    '--path',
    folder,
    '--name',
    'images',
  );
  const password = await lab.passwordFile(poolPassword);
  for (const name of ['dense', 'sparse', 'blobs']) {
    const place = ['--kind', 'local', '--client', 'node1', '--path', join(folder, 'pools', name)];
    await lab.ok('pools', 'add', '--name', name, ...place, '--password-file', password);
    const object = name === 'sparse' ? 'sparse.raw' : 'dense.raw';
    await lab.ok('rules', 'add', '--name', name, '--platform', 'images', '--object', object, '--pool', name);
  }
  console.log('| work | time | peak of the agent | limit |\n|---|---|---|---|');
  for (const [name, work] of [
    ['dense', `full, ${values.gibibytes} GiB of random data, dense`],
    ['sparse', `full, the same amount in a sparse disk of 2 TiB`],
  ] as const) {
    await restartAgent(lab);
    const task = await backUp(lab, name);
    console.log(
      `| ${work} | ${secondsOf(task)} s | ${(await peakMiB(lab)).toFixed(0)} MiB | 300 MiB + 80 per million list entries |`,
    );
    const again = await backUp(lab, name);
    console.log(`| again, unchanged (read whole) | ${secondsOf(again)} s | ${(await peakMiB(lab)).toFixed(0)} MiB | |`);
  }
  await plantBlobs(join(folder, 'pools', 'blobs'), Number(values.blobs));
  await restartAgent(lab);
  const task = await backUp(lab, 'blobs');
  const limit = 300 + (64 * Number(values.blobs)) / 1e6;
  console.log(
    `| full into a repository of ${values.blobs} blobs | ${secondsOf(task)} s | ${(await peakMiB(lab)).toFixed(0)} MiB | ${limit.toFixed(0)} MiB |`,
  );
} finally {
  await lab.close();
  await rm(folder, { recursive: true, force: true });
}
