import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import * as electron from '../fakes/electron.ts';

let folder: string;
const argv = process.argv;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-desktop-'));
  process.argv = ['electron', '--inspect=0', '/app', '--data', folder];
});
afterEach(async () => {
  process.argv = argv;
  await rm(folder, { recursive: true });
});

/** The main process acts when it is loaded: every start loads it anew. */
async function startMain(isFirstInstance = true): Promise<void> {
  vi.resetModules();
  vi.doMock('electron', () => electron);
  electron.resetElectron();
  electron.app.isFirstInstance = isFirstInstance;
  await import('../../electron/main.ts');
  await vi.waitFor(() => expect(electron.app.calls.length).toBeGreaterThan(4));
}

test('sandbox and scheme come before anything else, one instance per data folder', async () => {
  await startMain();
  await vi.waitFor(() => expect(electron.BrowserWindow.all[0]?.calls).toEqual(['load holdfast-app://console/']));
  expect(electron.app.calls).toEqual([
    'enableSandbox',
    'registerSchemes',
    `setPath userData ${join(folder, 'desktop')}`,
    'lock',
    'ready',
  ]);
  expect(electron.session.defaultSession.check).toBeDefined();
  expect(electron.BrowserWindow.all[0]?.webContents.openHandler).toBeDefined();
  expect([...electron.protocol.handlers.keys()]).toEqual(['holdfast-app']);
  expect(electron.forked[0]?.args.slice(0, 3)).toEqual(['--data', folder, '--agent']);
});

test('a second instance starts nothing', async () => {
  await startMain(false);
  expect(electron.app.calls.at(-1)).toBe('quit');
  expect(electron.forked).toEqual([]);
  expect(electron.BrowserWindow.all).toEqual([]);
});

test('a second instance brings the first to the front', async () => {
  await startMain();
  await vi.waitFor(() => expect(electron.BrowserWindow.all).toHaveLength(1));
  electron.app.emit('second-instance');
  expect(electron.BrowserWindow.all[0]?.calls.slice(-2)).toEqual(['restore', 'focus']);
});

test('quitting waits for the engine', async () => {
  await startMain();
  await vi.waitFor(() => expect(electron.forked).toHaveLength(1));
  const event = { preventDefault: vi.fn() };
  electron.app.emit('before-quit', event);
  expect(event.preventDefault).toHaveBeenCalledTimes(1);
  expect(electron.app.calls).not.toContain('quit');
  electron.forked[0]?.emit('exit', 0);
  await vi.waitFor(() => expect(electron.app.calls).toContain('quit'));
  electron.app.emit('before-quit', event);
  expect(event.preventDefault).toHaveBeenCalledTimes(1);
});
