// `npm test`: installs what it needs, then runs every check and suite and prints a table. Plain JavaScript, see start.mjs.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { continueUnderNode24, installPackages, root } from './node-24.mjs';
import { installTestPackages } from './test-packages.mjs';

installPackages();
continueUnderNode24(fileURLToPath(import.meta.url));
const missing = installTestPackages();
const strict = process.env['CI'] === 'true';
if (strict && missing.length > 0) {
  process.stderr.write(`CI=true, but these packages cannot be installed: ${missing.join(' ')}\n`);
  process.exit(1);
}

const bin = (name) => `node_modules/.bin/${name}`;
const steps = [
  ['lock file', process.execPath, 'build/check-lock.mjs'],
  ['format', bin('biome'), 'format', '.'],
  ['types', bin('tsc'), '-b'],
  ['lint', bin('oxlint'), '--type-aware', '--quiet'],
  ['floors', process.execPath, 'test/floors/floors.ts'],
  ['page', bin('vite'), 'build', '--config', 'build/vite.config.ts', '--logLevel', 'warn'],
  ['unit', bin('vitest'), 'run', '--project', 'node', '--project', 'dom'],
  ['programs', bin('vitest'), 'run', '--project', 'programs'],
  ['lab VM', bin('vitest'), 'run', '--project', 'lab', 'test/lab/first-light.lab.ts'],
  ['browser', bin('playwright'), 'test', '--config', 'test/e2e/playwright.config.ts'],
];

const rows = [];
for (const [name, program, ...args] of steps) {
  process.stdout.write(`\n== ${name}\n`);
  const startedAt = Date.now();
  const env = {
    ...process.env,
    PATH: `${root}/node_modules/.bin:${process.env['PATH']}`,
    HOLDFAST_NO_SKIP: strict ? '1' : '',
  };
  const { status } = spawnSync(program, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], env });
  rows.push({ name, ok: status === 0, seconds: (Date.now() - startedAt) / 1000 });
}
process.stdout.write('\n');
for (const { name, ok, seconds } of rows)
  process.stdout.write(`${ok ? 'ok    ' : 'FAILED'} ${name.padEnd(10)} ${seconds.toFixed(1)} s\n`);
const failed = rows.filter(({ ok }) => !ok).length;
process.stdout.write(`${rows.length - failed} passed, ${failed} failed\n`);
process.exit(failed === 0 ? 0 : 1);
