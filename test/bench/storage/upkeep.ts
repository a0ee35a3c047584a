import { spawnSync } from 'node:child_process';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Ours } from '../data/ours.ts';
import { timed } from '../data/measure.ts';
import { isInstalled } from '../data/peers.ts';
import type { Row } from '../data/table.ts';
import { compileCache } from '../../helpers/sources.ts';
import { writeRandomFile } from '../../helpers/random-file.ts';
import { makeSmallPoints } from './small-points.ts';

const mib = 1024 * 1024;
const password = 'bench';
const keep = '10';
const script = fileURLToPath(new URL('forget-and-prune.ts', import.meta.url));

function copy(from: string, to: string): void {
  rmSync(to, { recursive: true, force: true });
  const { status, stderr } = spawnSync('cp', ['-r', from, to], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
}

/** Whoever reads first would pay for bringing the files into the page cache; backups write around it. */
function warm(folder: string): void {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const { status } = spawnSync('cat', files, { stdio: 'ignore' });
  if (status !== 0) throw new Error(`${folder} cannot be read`);
}

/** restic on a copy of the repository, with a cache of its own that begins empty. */
function restic(folder: string, repository: string): string[] {
  writeFileSync(join(folder, 'restic-password'), password);
  const secrets = ['--password-file', join(folder, 'restic-password'), '--cache-dir', join(folder, 'cache')];
  return ['-q', '-r', repository, ...secrets];
}

/** Deletion and prune of all but ten of many small points beside `restic forget` and `restic prune`, each on a copy. */
export async function measurePrune(folder: string, points: number, pairs: number): Promise<Row> {
  const row: Row = {
    work: 'delete and prune',
    settings: `${points} points of 64 KiB, ${keep} stay`,
    peer: 'restic forget + prune',
    ours: [],
    theirs: [],
    aim: 0.5,
    unit: 's',
  };
  if (!isInstalled('restic')) return row;
  const [made, copied] = [join(folder, 'points'), join(folder, 'copy')];
  await makeSmallPoints(made, password, points);
  for (let pair = 0; pair < pairs; pair++) {
    copy(made, copied);
    // As the package's scripts start the agent.
    const env = { NODE_COMPILE_CACHE: compileCache };
    row.ours.push((await timed(process.execPath, [script, copied, password, keep], env)).wallMs);
    copy(made, copied);
    rmSync(join(folder, 'cache'), { recursive: true, force: true });
    const common = restic(folder, copied);
    const forget = await timed('restic', [...common, 'forget', '--keep-last', keep, '--group-by', 'host']);
    const prune = await timed('restic', [...common, 'prune']);
    row.theirs.push(forget.wallMs + prune.wallMs);
  }
  return row;
}

/** Reading one point again, as a task of a running agent, beside `restic check --read-data` of the repository that holds nothing else. */
export async function measureVerify(ours: Ours, folder: string, mebibytes: number, pairs: number): Promise<Row> {
  const row: Row = {
    work: 'verify a point',
    settings: `${mebibytes} MiB, directory`,
    peer: 'restic check --read-data',
    ours: [],
    theirs: [],
    aim: 0.6,
    unit: 's',
  };
  if (!isInstalled('restic')) return row;
  const { lab } = ours;
  await writeRandomFile(join(lab.path('images'), 'bench.raw'), mebibytes * mib, [{ at: 0, length: mebibytes * mib }]);
  const pool = await ours.addPool();
  await ours.addRule('verify', 'images', 'bench.raw', pool);
  await ours.run('verify');
  const [backup] = await lab.rows('backups', 'list', '--pool', pool);
  const common = restic(folder, lab.path(pool));
  for (let pair = 0; pair < pairs; pair++) {
    warm(lab.path(pool));
    row.ours.push((await ours.verify(Number(backup?.['id']))).wallMs);
    rmSync(join(folder, 'cache'), { recursive: true, force: true });
    row.theirs.push((await timed('restic', [...common, 'check', '--read-data'])).wallMs);
  }
  return row;
}
