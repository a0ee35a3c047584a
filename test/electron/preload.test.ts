import { beforeEach, expect, test, vi } from 'vitest';
import { type DesktopBridge, isPortMessage } from '../../shared/contract/desktop.ts';
import * as electron from '../fakes/electron.ts';

const postMessage = vi.fn();

beforeEach(async () => {
  postMessage.mockReset();
  vi.stubGlobal('window', { postMessage, location: { origin: 'holdfast-app://console' } });
  // The preload acts when it is loaded: every test loads it anew.
  vi.resetModules();
  vi.doMock('electron', () => electron);
  electron.resetElectron();
  await import('../../electron/preload.ts');
});

function bridge(): DesktopBridge {
  return electron.contextBridge.exposed.get('holdfast') as DesktopBridge;
}

test('exposes one name with one function', () => {
  expect([...electron.contextBridge.exposed.keys()]).toEqual(['holdfast']);
  expect(Object.keys(bridge())).toEqual(['connect']);
});

test('passes the request on and gives the greeting back', async () => {
  const asked: unknown[] = [];
  electron.ipcRenderer.answer = (...args) => {
    asked.push(args);
    return { firstToken: 'token' };
  };
  expect(await bridge().connect(5)).toEqual({ firstToken: 'token' });
  expect(asked).toEqual([['holdfast:connect', 5]]);
});

test("rejects with the engine's reason", async () => {
  electron.ipcRenderer.answer = () => ({ error: 'the engine does not run' });
  await expect(bridge().connect(1)).rejects.toThrow('the engine does not run');
});

test("posts the port to the page's own origin, marked with its request", () => {
  electron.ipcRenderer.emit('holdfast:port', { ports: ['port'] }, 5);
  expect(postMessage).toHaveBeenCalledTimes(1);
  const [data, origin, ports] = postMessage.mock.calls[0] as unknown[];
  expect(isPortMessage(data, 5)).toBe(true);
  expect(isPortMessage(data, 6)).toBe(false);
  expect([origin, ports]).toEqual(['holdfast-app://console', ['port']]);
});
