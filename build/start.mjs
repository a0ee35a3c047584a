// `npm start`: installs, builds and opens the console with an embedded engine and a local agent. Plain JavaScript, so
// that it begins under whatever Node the system has; it goes on under the project's Node 24.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, unlink, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { continueUnderNode24, installPackages, root } from './node-24.mjs';
import { electronBinary, startElectron } from './start-electron.mjs';

const browsers = ['/usr/bin/chromium', '/usr/bin/google-chrome', '/usr/bin/chromium-browser', '/usr/bin/xdg-open'];

function dataFolder(args) {
  const at = args.indexOf('--data');
  if (at >= 0 && args[at + 1] !== undefined) return resolve(args[at + 1]);
  return join(process.env['XDG_DATA_HOME'] ?? join(homedir(), '.local', 'share'), 'holdfast');
}

async function runningEngine(folder) {
  try {
    const engine = JSON.parse(await readFile(join(folder, 'engine.json'), 'utf8'));
    process.kill(engine.pid, 0);
    const answer = await fetch(engine.url, { signal: AbortSignal.timeout(2000) });
    return answer.ok ? engine : undefined;
  } catch {
    // No file, no process, or no answer: there is no engine to use.
    return undefined;
  }
}

function startEngine(folder) {
  const args = [join(root, 'engine/main.ts'), '--embedded', '--data', folder];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill('SIGTERM'));
  child.on('close', (code) => process.exit(code ?? 1));
  return new Promise((resolveReady) => {
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
      if (text.includes('\n')) resolveReady(JSON.parse(text.split('\n')[0]));
    });
  });
}

/** The first token must not stand in the browser's command line, where every local user could read it. */
async function openInBrowser(address) {
  const browser = process.env['DISPLAY'] || process.env['WAYLAND_DISPLAY'] ? browsers.find(existsSync) : undefined;
  if (browser === undefined) return false;
  const page = join(tmpdir(), `holdfast-${process.pid}.html`);
  await writeFile(page, `<!doctype html><meta http-equiv="refresh" content="0;url=${address}">`, {
    mode: 0o600,
    flag: 'wx',
  });
  setTimeout(() => void unlink(page).catch(() => undefined), 60_000).unref();
  const child = spawn(browser, [page], { detached: true, stdio: 'ignore' });
  child.on('error', () => process.stderr.write(`${browser} cannot be started; open the address yourself.\n`));
  child.unref();
  return true;
}

async function main() {
  installPackages();
  // Sources are stripped of their types once, not at every start: engine and agent inherit this.
  process.env['NODE_COMPILE_CACHE'] ??= join(root, 'node_modules/.cache/compiled');
  continueUnderNode24(fileURLToPath(import.meta.url));
  const { buildPageIfStale } = await import('./page-build.mjs');
  await buildPageIfStale();
  const args = process.argv.slice(2);
  const headless = args.includes('--headless');
  const folder = dataFolder(args);
  if (!headless && electronBinary() !== undefined) return startElectron(folder);
  const running = await runningEngine(folder);
  const ready = running ?? (await startEngine(folder));
  const address = ready.firstToken === undefined ? ready.url : `${ready.url}/#first=${ready.firstToken}`;
  const opened = !headless && (await openInBrowser(address));
  const { pid, url, agentUrl, fingerprint } = ready;
  process.stdout.write(
    `${JSON.stringify({ ready: true, pid, url: headless ? address : url, agentUrl, fingerprint, ...(running ? { reused: true } : {}) })}\n`,
  );
  process.stderr.write(
    opened ? 'The console opens in the browser.\n' : `Open this address in a browser:\n${address}\n`,
  );
}

await main();
