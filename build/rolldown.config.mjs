// The desktop shell: three files, each complete but for Electron and the native packages.
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'rolldown';

const root = fileURLToPath(new URL('..', import.meta.url));
const external = ['electron', 'better-sqlite3', 'sodium-native', /^node:/u];

function bundle(source, target, format) {
  return {
    input: `${root}electron/${source}.ts`,
    platform: 'node',
    external,
    output: { file: `${root}dist/electron/${target}`, format, codeSplitting: false, comments: { legal: true } },
  };
}

export default defineConfig([
  bundle('main', 'main.mjs', 'esm'),
  // A preload in a sandbox must be one CommonJS file.
  bundle('preload', 'preload.cjs', 'cjs'),
  bundle('engine-process', 'engine-process.mjs', 'esm'),
]);
