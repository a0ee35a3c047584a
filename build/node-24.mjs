// Plain JavaScript for whatever Node the system has: finds or installs the project's own Node 24 and goes on under it.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const own = join(root, 'node_modules/node/bin/node');

function say(text) {
  process.stderr.write(`${text}\n`);
}

function isInstalled() {
  const marker = join(root, 'node_modules/.package-lock.json');
  if (!existsSync(own) || !existsSync(marker)) return false;
  return statSync(marker).mtimeMs >= statSync(join(root, 'package-lock.json')).mtimeMs || sameVersions(marker);
}

function sameVersions(marker) {
  const versions = (path) =>
    JSON.stringify(
      Object.entries(JSON.parse(readFileSync(path, 'utf8')).packages)
        .filter(([name, entry]) => name !== '' && !entry.optional)
        .map(([name, { version }]) => `${name}@${version}`)
        .sort(),
    );
  return versions(marker) === versions(join(root, 'package-lock.json'));
}

/** Runs `npm ci` when the packages of the lock file are not there. */
export function installPackages() {
  if (isInstalled()) return;
  say('installing npm packages (npm ci) …');
  const result = spawnSync('npm', ['ci', '--loglevel=error'], { cwd: root, stdio: ['ignore', 2, 2] });
  if (result.status !== 0) process.exit(result.status ?? 1);
}

/** Starts this script again under Node 24, if it does not run under it, and ends with its exit code. */
export function continueUnderNode24(script) {
  if (Number(process.versions.node.split('.')[0]) >= 24) return;
  const result = spawnSync(own, [script, ...process.argv.slice(2)], { stdio: 'inherit' });
  process.exit(result.status ?? 1);
}
