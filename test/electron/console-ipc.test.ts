import { beforeEach, expect, test, vi } from 'vitest';
import { answerConsoles } from '../../electron/console-ipc.ts';
import { AppError } from '../../shared/errors.ts';
import * as electron from '../fakes/electron.ts';

vi.mock('electron', () => import('../fakes/electron.ts'));

const connect = vi.fn();

beforeEach(() => {
  electron.resetElectron();
  connect.mockReset().mockResolvedValue({ port: 'the port', firstToken: 'token' });
  answerConsoles({ connect });
});

function ask(event: object, request: unknown): Promise<unknown> {
  const handler = electron.ipcMain.handlers.get('holdfast:connect');
  if (handler === undefined) throw new Error('nobody answers');
  return handler(event, request);
}

test('gives the port to the frame that asked, and the first token to its preload', async () => {
  const sender = new electron.FakeContents();
  expect(await ask({ sender, senderFrame: sender.mainFrame }, 3)).toEqual({ firstToken: 'token' });
  expect(sender.mainFrame.posted).toEqual([['holdfast:port', 3, ['the port']]]);
});

test.each(['https://example.org/', 'holdfast-app://other/', 'about:blank'])('refuses a page at %s', async (url) => {
  const sender = new electron.FakeContents();
  sender.mainFrame.url = url;
  expect(await ask({ sender, senderFrame: sender.mainFrame }, 1)).toHaveProperty('error');
  expect(connect).not.toHaveBeenCalled();
});

test('refuses a frame inside the page and a frame that is gone', async () => {
  const sender = new electron.FakeContents();
  expect(await ask({ sender, senderFrame: { ...sender.mainFrame } }, 1)).toHaveProperty('error');
  expect(await ask({ sender, senderFrame: null }, 1)).toHaveProperty('error');
  expect(connect).not.toHaveBeenCalled();
});

test.each(['1', 0, 1.5, null, { valueOf: 1 }])('refuses the request number %j', async (request) => {
  const sender = new electron.FakeContents();
  expect(await ask({ sender, senderFrame: sender.mainFrame }, request)).toHaveProperty('error');
  expect(connect).not.toHaveBeenCalled();
});

test('passes on why the engine does not run', async () => {
  connect.mockRejectedValue(new AppError('databaseTooNew', 'the database is too new'));
  const sender = new electron.FakeContents();
  expect(await ask({ sender, senderFrame: sender.mainFrame }, 1)).toEqual({ error: 'the database is too new' });
});
