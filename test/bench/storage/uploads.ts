import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { writeRandomFile } from '../../helpers/random-file.ts';
import type { Ours } from '../data/ours.ts';
import type { Row } from '../data/table.ts';
import { type BenchServer, putBytes } from './server.ts';

const mib = 1024 * 1024;
/** 0.8 of the throughput is 1.25 of the time. */
const aim = 1.25;

/**
 * Full backups of an incompressible disk beside bare uploads of as many bytes, and beside the same backup into a folder:
 * a server can take bytes faster than two cores can hash, compress and seal them.
 * @param pairs how often, in turn
 */
export async function measureUploads(
  ours: Ours,
  server: BenchServer,
  mebibytes: number,
  pairs: number,
): Promise<Row[]> {
  const { lab } = ours;
  const image = join(lab.path('images'), 'bench.raw');
  const rowBeside = (peer: string): Row => ({
    work: 'full backup',
    settings: `${mebibytes} MiB, ${server.name}`,
    peer,
    ours: [],
    theirs: [],
    aim,
    unit: 's',
  });
  const [bare, folder] = [rowBeside('8 × 16 MiB PUTs'), rowBeside('ours into a folder')];
  const count = Math.ceil((mebibytes * mib) / putBytes);
  for (let pair = 0; pair < pairs; pair++) {
    await writeRandomFile(image, mebibytes * mib, [{ at: 0, length: mebibytes * mib }]);
    const started = performance.now();
    await server.putBare(count);
    bare.theirs.push(((performance.now() - started) * (await stat(image)).size) / (count * putBytes));
    const name = `${server.name.split(':')[0]?.toLowerCase() ?? ''}${pair}`;
    const password = await lab.passwordFile('bench');
    const place = ['--name', name, '--client', 'node1', '--password-file', password];
    await lab.ok('pools', 'add', ...place, ...(await server.poolOptions(name)));
    await ours.addRule(name, 'images', 'bench.raw', name);
    const { wallMs } = await ours.run(name);
    bare.ours.push(wallMs);
    folder.ours.push(wallMs);
    folder.theirs.push(await backUpIntoFolder(ours, `${name}-folder`));
  }
  return [bare, folder];
}

/** @returns ms */
async function backUpIntoFolder(ours: Ours, rule: string): Promise<number> {
  const pool = await ours.addPool();
  await ours.addRule(rule, 'images', 'bench.raw', pool);
  const { wallMs } = await ours.run(rule);
  await rm(ours.lab.path(pool, 'data'), { recursive: true });
  return wallMs;
}
