// What a person does with transformation keys, and a transformed disk without Holdfast.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { TransformCipher } from '../../shared/model/transform.ts';
import { JobLab, pointIn } from '../helpers/agent-jobs.ts';
import { lacking } from '../helpers/needs.ts';
import { hashFile, writeRandomFile } from '../helpers/random-file.ts';
import { resticPassword } from '../helpers/repository-settings.ts';
import { hashOf, hasRestic, Restic } from '../helpers/restic.ts';

const mib = 1024 * 1024;
const source = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

interface Ended {
  code: number | null;
  output: string;
  errors: string;
}

function start(program: string, args: readonly string[]): ChildProcess & { stdin: NodeJS.WritableStream } {
  const child = spawn(process.execPath, [source(program), ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  return child as ReturnType<typeof start>;
}

async function text(stream: Readable | null): Promise<string> {
  let all = '';
  for await (const chunk of stream ?? []) all += String(chunk);
  return all;
}

async function agent(...args: string[]): Promise<Ended> {
  const child = start('agent/main.ts', args);
  child.stdin.end();
  const closed = once(child, 'close') as Promise<[number | null]>;
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: (await closed)[0], output, errors };
}

describe('keys of an agent', () => {
  it('are shown by name, written for paper, and taken over by another agent', async () => {
    const lab = await JobLab.create();
    const other = await JobLab.create({ name: 'node2' });
    const [from, into] = [lab, other].map(({ deps }) => ['--data', deps.identity.folder]);
    if (from === undefined || into === undefined) throw new Error('two agents');
    const { id, key } = lab.deps.identity.transformKeys.own;
    const shown = await agent('keys', 'show', ...from);
    expect(JSON.parse(shown.output)).toEqual({ own: id, imported: [] });
    expect(shown.errors).toContain('can never be restored');
    expect(shown.output + shown.errors).not.toContain(Buffer.from(key).toString('hex').slice(0, 8));

    const sheet = join(lab.folder, 'sheet.txt');
    const exported = await agent('keys', 'export', ...from, '--out', sheet);
    expect(exported).toMatchObject({ code: 0, errors: shown.errors });
    expect((await stat(sheet)).mode & 0o777).toBe(0o600);
    const refused = await agent('keys', 'export', ...from, '--out', sheet);
    expect(refused.code).toBe(2);
    expect(refused.errors).toContain('exists');

    expect(await agent('keys', 'import', ...into, '--from', sheet)).toMatchObject({ code: 0 });
    expect(await other.deps.identity.transformKeys.find(id)).toEqual(Buffer.from(key));
    const onward = join(lab.folder, 'again.txt');
    expect(await agent('keys', 'export', ...into, '--key-id', id, '--out', onward)).toMatchObject({ code: 0 });
    expect(await readFile(onward, 'utf8')).toContain('imported by node2');
    await writeFile(onward, 'nothing');
    const wrong = await agent('keys', 'import', ...into, '--from', onward);
    expect(wrong.code).toBe(2);
    expect(JSON.parse(wrong.output)).toMatchObject({ error: { code: 'invalidValue', field: '--from' } });
  });
});

describe.skipIf(lacking(hasRestic ? undefined : 'restic is not installed'))(
  'a transformed disk without Holdfast',
  () => {
    it.each([
      ['aes-256', 'agent/main.ts', ['decode', '--key-file']],
      ['aria-128', 'build/decode-hft.mjs', []],
      ['kuznyechik', 'build/decode-hft.mjs', []],
    ] as const)('%s is decoded by %s', async (cipher, program, args) => {
      const { lab, dump, image } = await transformed(cipher);
      const sheet = join(lab.folder, 'sheet.txt');
      await agent('keys', 'export', '--data', lab.deps.identity.folder, '--out', sheet);
      const child = start(program, [...args, sheet]);
      const hash = dump(async (frames) => {
        const [found] = await Promise.all([hashOf(child.stdout as Readable), pipeline(frames, child.stdin)]);
        return found;
      });
      expect(await hash).toBe(await hashFile(image));
    });

    it('that is cut or damaged ends with an error, not with a short disk that looks whole', async () => {
      const { lab, dump } = await transformed('aes-256');
      const frames = await dump(async (stream) => {
        const parts: Buffer[] = [];
        for await (const part of stream) parts.push(part as Buffer);
        return Buffer.concat(parts);
      });
      const keyFile = join(lab.deps.identity.folder, 'transform.key');
      const damaged = Buffer.from(frames);
      damaged.writeUInt8(damaged.readUInt8(100) ^ 1, 100);
      for (const bytes of [frames.subarray(0, -1), damaged, Buffer.concat([frames, Buffer.alloc(64)])]) {
        for (const [program, args] of [
          ['agent/main.ts', ['decode', '--key-file', keyFile]],
          ['build/decode-hft.mjs', [keyFile]],
        ] as const) {
          const child = start(program, args);
          const ended = once(child, 'close') as Promise<[number | null]>;
          child.stdin.on('error', () => undefined);
          child.stdin.end(bytes);
          (child.stdout as Readable).resume();
          expect((await ended)[0]).toBe(1);
        }
      }
    });
  },
);

async function transformed(transform: TransformCipher) {
  const lab = await JobLab.create();
  const image = join(lab.images, 'vm.raw');
  await writeRandomFile(image, 20 * mib + 512, [{ at: 0, length: mib + 512 }]);
  const { objectUuid, snapshotId } = pointIn(await lab.backUp('vm.raw', { transform }));
  const restic = await Restic.at(lab.pool, resticPassword);
  const path = `/vm/${objectUuid}/disks/vm.raw/disk.hft`;
  const dump = <T>(use: (frames: Readable) => Promise<T>) => restic.dump(snapshotId, path, use);
  return { lab, image, dump };
}
