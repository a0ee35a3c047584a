import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown, type InputOptions, type RolldownOptions } from 'rolldown';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

async function bundles(): Promise<RolldownOptions[]> {
  const loaded = (await import(join(root, 'build/rolldown.config.mjs'))) as { default: RolldownOptions[] };
  return loaded.default;
}

/** The one file of a bundle: its text, and what it still loads at run time. */
async function built(name: string): Promise<{ code: string; imports: string[] }> {
  const found = (await bundles()).find(
    ({ input }) => typeof input === 'string' && input.endsWith(`electron/${name}.ts`),
  );
  if (found === undefined) throw new Error(`no bundle of ${name}`);
  const { output, ...input } = found;
  const bundle = await rolldown(input as InputOptions);
  const format = Array.isArray(output) ? output[0]?.format : output?.format;
  const result = await bundle.generate({ format: format ?? 'esm', codeSplitting: false });
  expect(result.output).toHaveLength(1);
  return result.output[0];
}

async function importsOf(name: string): Promise<string[]> {
  return (await built(name)).imports;
}

test('the preload is one file that needs Electron only', async () => {
  expect(await importsOf('preload')).toEqual(['electron']);
});

test('the main process loads no database and no native package', async () => {
  const foreign = (await importsOf('main')).filter((name) => !name.startsWith('node:'));
  expect(foreign).toEqual(['electron']);
});

test('the engine process is complete but for the native database', async () => {
  const foreign = (await importsOf('engine-process')).filter((name) => !name.startsWith('node:'));
  expect(foreign).toEqual(['better-sqlite3']);
});

test('the engine process uses nothing that a module does not have', async () => {
  const { code } = await built('engine-process');
  expect(code.match(/.*(?<![.\w])__dirname\b.*/gu) ?? []).toEqual([]);
});
