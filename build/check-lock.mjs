// Fails when package-lock.json lacks an optional platform package: `npm ci` would then fail in a clean clone.
import { readFileSync } from 'node:fs';

const { packages } = JSON.parse(readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8'));
const known = new Set(Object.keys(packages).map((path) => path.split('node_modules/').at(-1)));
const missing = Object.entries(packages).flatMap(([path, entry]) =>
  Object.keys(entry.optionalDependencies ?? {})
    .filter((name) => !known.has(name))
    .map((name) => `${path || 'package.json'} names ${name}`),
);
if (missing.length > 0) {
  process.stderr.write(
    `package-lock.json lacks optional packages; pin the newest version whose family is complete:\n${missing.join('\n')}\n`,
  );
  process.exit(1);
}
