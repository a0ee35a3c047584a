// The walls of the house: who may import whom (DESIGN §3), no import cycles, no index files. Run by `npm test`.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findCycles } from './cycles.ts';
import { type ImportFound, readImports } from './imports.ts';
import { floors } from './rules.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const tops = ['shared', 'engine', 'agent', 'renderer', 'electron', 'cli'];

function sources(): string[] {
  return tops.flatMap((top) =>
    readdirSync(join(root, top), { recursive: true, encoding: 'utf8' })
      .map((name) => normalize(join(top, name)))
      .filter((file) => /\.tsx?$/u.test(file) && !file.endsWith('.d.ts')),
  );
}

const inside = (file: string, prefix: string) => file === prefix || file.startsWith(`${prefix}/`);

/** The longest rule that covers a file. */
function ruleOf(file: string): string | undefined {
  return Object.keys(floors)
    .filter((prefix) => inside(file, prefix))
    .sort((a, b) => b.length - a.length)[0];
}

function targetOf(file: string, { source }: ImportFound): string {
  return source.startsWith('.') ? relative('.', join(dirname(file), source)) : source;
}

function problemsOf(file: string, imports: readonly ImportFound[]): string[] {
  const rule = ruleOf(file);
  if (rule === undefined) return [`${file}: no rule covers it; add one to test/floors/rules.ts`];
  const named = /(^|\/)index\.tsx?$/u.test(file) ? [`${file}: no index files; name the list all.ts`] : [];
  const climbs = imports
    .map((found) => targetOf(file, found))
    .filter((target) => !inside(target, rule) && !(floors[rule] ?? []).some((allowed) => covers(allowed, target)))
    .map((target) => `${file} must not import ${target}`);
  return [...named, ...climbs];
}

function covers(allowed: string, target: string): boolean {
  if (allowed.endsWith(':')) return target.startsWith(allowed);
  // shared/ alone means its runtime-neutral part: the Node helpers are named apart.
  if (allowed === 'shared' && inside(target, 'shared/node')) return false;
  return inside(target, allowed);
}

const graph = new Map(sources().map((file) => [file, readImports(readFileSync(join(root, file), 'utf8'), file)]));
const climbing = [...graph].flatMap(([file, imports]) => problemsOf(file, imports));
const edges = new Map(
  [...graph].map(([file, imports]) => [
    file,
    imports.filter((found) => !found.typeOnly).map((found) => targetOf(file, found)),
  ]),
);
const cycles = findCycles(edges).map((cycle) => `import cycle: ${cycle.join(' → ')}`);
const problems = [...climbing, ...cycles];
process.stdout.write(problems.length === 0 ? `floors: ${graph.size} files, clean\n` : `${problems.join('\n')}\n`);
process.exitCode = problems.length === 0 ? 0 : 1;
