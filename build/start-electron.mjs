// Starts the Electron shell where its binary exists; it cannot be downloaded everywhere.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './node-24.mjs';

/** Path of Electron's binary; undefined where there is none. Never asks the package, which would try to download it. */
export function electronBinary() {
  const override = process.env['ELECTRON_OVERRIDE_DIST_PATH'];
  const folder = join(root, 'node_modules/electron');
  const name = join(folder, 'path.txt');
  const candidates = [
    ...(override === undefined ? [] : [join(override, 'electron')]),
    ...(existsSync(name) ? [join(folder, 'dist', readFileSync(name, 'utf8').trim())] : []),
  ];
  return candidates.find(existsSync);
}

export function startElectron(dataFolder) {
  const built = spawnSync(
    process.execPath,
    [join(root, 'node_modules/rolldown/bin/cli.mjs'), '-c', 'build/rolldown.config.mjs'],
    { cwd: root, stdio: ['ignore', 2, 2] },
  );
  if (built.status !== 0) process.exit(built.status ?? 1);
  const child = spawn(electronBinary(), [root, '--data', dataFolder], {
    stdio: 'inherit',
    env: { ...process.env, HOLDFAST_NODE: process.execPath },
  });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
  child.on('close', (code) => process.exit(code ?? 1));
}
