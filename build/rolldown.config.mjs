// The desktop shell: three files, each complete but for Electron and the native packages.
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'rolldown';

const root = fileURLToPath(new URL('..', import.meta.url));
const absent = '\0absent';
const external = ['electron', 'better-sqlite3', 'sodium-native', /^node:/u];

/** ssh2 tries compiled helpers and does without them; we install none (see allowScripts), so they fail here as there. */
const noCompiledHelpers = {
  name: 'no-compiled-helpers',
  resolveId: (source) => (/^cpu-features$|sshcrypto\.node$/u.test(source) ? absent : null),
  load: (id) => (id === absent ? "module.exports = null; throw new Error('not compiled');" : null),
};

function bundle(source, target, format) {
  return {
    input: `${root}electron/${source}.ts`,
    platform: 'node',
    external,
    plugins: [noCompiledHelpers],
    // Old packages ask for it at once when they are loaded; a module has it under another name.
    ...(format === 'esm' ? { transform: { define: { __dirname: 'import.meta.dirname' } } } : {}),
    output: { file: `${root}dist/electron/${target}`, format, codeSplitting: false, comments: { legal: true } },
  };
}

export default defineConfig([
  bundle('main', 'main.mjs', 'esm'),
  // A preload in a sandbox must be one CommonJS file.
  bundle('preload', 'preload.cjs', 'cjs'),
  bundle('engine-process', 'engine-process.mjs', 'esm'),
]);
