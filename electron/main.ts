import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { app, BrowserWindow, protocol, session } from 'electron';
import { createLogger } from '../shared/node/log.ts';
import { schemePrivileges, servePage } from './app-protocol.ts';
import { answerConsoles } from './console-ipc.ts';
import { EngineHost } from './engine-host.ts';
import { confine, denyPermissions, loadPage, openWindow, revive } from './window.ts';

const log = createLogger('desktop');
const built = fileURLToPath(new URL('.', import.meta.url));

/** Chromium's own switches stand between ours, so the command line is searched rather than parsed. */
function dataFolder(args: readonly string[]): string | undefined {
  const value = args[args.indexOf('--data') + 1];
  return args.includes('--data') && value !== undefined ? resolve(value) : undefined;
}

/** One instance per data folder: Chromium's files lie in it, and its lock with them. */
function useFolder(folder: string | undefined): void {
  if (folder === undefined) return;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  app.setPath('userData', join(folder, 'desktop'));
}

function focusWindow(): void {
  const [window] = BrowserWindow.getAllWindows();
  if (window === undefined) return;
  if (window.isMinimized()) window.restore();
  window.focus();
}

function stopWithEngine(host: EngineHost): void {
  let isStopped = false;
  app.on('before-quit', (event) => {
    if (isStopped) return;
    event.preventDefault();
    host
      .stop()
      .catch((error: unknown) => log.error({ err: error }, 'stopping the engine failed'))
      .finally(() => {
        isStopped = true;
        app.quit();
      });
  });
}

async function run(folder: string | undefined): Promise<void> {
  await app.whenReady();
  servePage(protocol, resolve(built, '../renderer'), (reason) => log.error({ reason }, 'the page cannot be read'));
  denyPermissions(session.defaultSession);
  const host = new EngineHost({
    script: join(built, 'engine-process.mjs'),
    args: [...(folder === undefined ? [] : ['--data', folder]), '--agent', resolve(built, '../../agent/main.ts')],
    log,
  });
  stopWithEngine(host);
  answerConsoles(host);
  host.start();
  await loadPage(openWindow(join(built, 'preload.cjs')));
}

const folder = dataFolder(process.argv);
app.enableSandbox();
protocol.registerSchemesAsPrivileged([schemePrivileges]);
useFolder(folder);
if (app.requestSingleInstanceLock()) {
  app.on('second-instance', focusWindow);
  app.on('web-contents-created', (_event, contents) => {
    confine(contents);
    revive(contents, (reason) => log.error({ reason }, 'the page has died'));
  });
  app.on('window-all-closed', () => app.quit());
  run(folder).catch((error: unknown) => {
    log.fatal({ err: error }, 'the console cannot start');
    app.exit(1);
  });
} else {
  app.quit();
}
