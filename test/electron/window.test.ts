import { beforeEach, expect, test, vi } from 'vitest';
import { confine, denyPermissions, loadPage, openWindow, revive } from '../../electron/window.ts';
import * as electron from '../fakes/electron.ts';

vi.mock('electron', () => import('../fakes/electron.ts'));

beforeEach(() => electron.resetElectron());

function prevented(contents: electron.FakeContents, name: string, url: string): boolean {
  const event = { url, preventDefault: vi.fn() };
  contents.emit(name, event);
  return event.preventDefault.mock.calls.length > 0;
}

test('the page runs isolated, in a sandbox, without Node', async () => {
  const window = openWindow('/app/preload.cjs');
  await loadPage(window);
  const [made] = electron.BrowserWindow.all;
  expect(made?.options.webPreferences).toEqual({
    preload: '/app/preload.cjs',
    contextIsolation: true,
    sandbox: true,
    nodeIntegration: false,
    webviewTag: false,
  });
  expect(made?.calls).toEqual(['load holdfast-app://console/']);
});

test('the window shows itself only when there is something to see', () => {
  openWindow('/app/preload.cjs');
  const [made] = electron.BrowserWindow.all;
  expect(made?.options.show).toBe(false);
  expect(made?.calls).toEqual([]);
  made?.emit('ready-to-show');
  expect(made?.calls).toEqual(['show']);
});

test.each([
  ['https://example.org/', true],
  ['file:///etc/passwd', true],
  ['javascript:alert(1)', true],
  ['holdfast-app://consoles/', true],
  ['holdfast-app://console.example.org/', true],
  ['holdfast-app://console@example.org/', true],
  ['holdfast-app://console/rules', false],
])('navigation to %s is denied: %s', (url, isDenied) => {
  const contents = new electron.FakeContents();
  confine(contents as never);
  expect(prevented(contents, 'will-navigate', url)).toBe(isDenied);
  expect(prevented(contents, 'will-redirect', url)).toBe(isDenied);
});

test('no second window and no embedded guest', () => {
  const contents = new electron.FakeContents();
  confine(contents as never);
  expect(contents.openHandler?.()).toEqual({ action: 'deny' });
  expect(prevented(contents, 'will-attach-webview', 'holdfast-app://console/')).toBe(true);
});

test('every permission is denied but writing to the clipboard from our own page', () => {
  const session = new electron.FakeSession();
  denyPermissions(session as never);
  const asked = (permission: string, url: string) => {
    const answer = vi.fn();
    session.request?.(...([{ getURL: () => url }, permission, answer] as never[]));
    const checked = session.check?.(...([null, permission, url] as never[]));
    return [answer.mock.calls[0]?.[0] as unknown, checked];
  };
  for (const permission of ['media', 'geolocation', 'notifications', 'clipboard-read', 'openExternal', 'usb'])
    expect(asked(permission, 'holdfast-app://console/')).toEqual([false, false]);
  expect(asked('clipboard-sanitized-write', 'holdfast-app://console/')).toEqual([true, true]);
  expect(asked('clipboard-sanitized-write', 'https://example.org/')).toEqual([false, false]);
});

test('a page that died is loaded again once, one that keeps dying stays down', () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  try {
    const contents = new electron.FakeContents();
    const reasons: string[] = [];
    revive(contents as never, (reason) => reasons.push(reason));
    contents.emit('render-process-gone', {}, { reason: 'clean-exit' });
    expect(contents.reloads).toBe(0);
    contents.emit('render-process-gone', {}, { reason: 'crashed' });
    contents.emit('render-process-gone', {}, { reason: 'oom' });
    expect({ reloads: contents.reloads, reasons }).toEqual({ reloads: 1, reasons: ['crashed', 'oom'] });
    vi.setSystemTime(Date.now() + 61_000);
    contents.emit('render-process-gone', {}, { reason: 'crashed' });
    expect(contents.reloads).toBe(2);
  } finally {
    vi.useRealTimers();
  }
});
