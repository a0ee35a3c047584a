// Builds dist/renderer when a source of the page is newer than the last build. Plain JavaScript: `npm start` needs it
// before anything else is there.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const sources = ['renderer', 'shared', 'assets', 'build/vite.config.ts', 'package-lock.json'];

function newest(path) {
  const info = statSync(path);
  if (!info.isDirectory()) return info.mtimeMs;
  const names = readdirSync(path).filter((name) => name !== 'node');
  return Math.max(info.mtimeMs, ...names.map((name) => newest(join(path, name))));
}

function isStale() {
  const built = join(root, 'dist/renderer/index.html');
  if (!existsSync(built)) return true;
  const builtAt = statSync(built).mtimeMs;
  return sources.some((source) => newest(join(root, source)) > builtAt);
}

export async function buildPageIfStale() {
  const vite = join(root, 'node_modules/vite/bin/vite.js');
  if (!existsSync(join(root, 'renderer')) || !existsSync(vite) || !isStale()) return;
  process.stderr.write('building the page …\n');
  await new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [vite, 'build', '--config', 'build/vite.config.ts', '--logLevel', 'warn'], {
      cwd: root,
      stdio: ['ignore', 2, 2],
    });
    child.on('error', reject);
    child.on('close', (code) => (code === 0 ? resolve() : reject(new Error(`vite build ended with ${code}`))));
  });
}
