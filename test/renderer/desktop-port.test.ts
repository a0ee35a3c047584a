import { expect, test, vi } from 'vitest';
import { openDesktopPort } from '../../renderer/connection/desktop-port.ts';
import { firstToken } from '../../renderer/connection/first-token.ts';
import type { DesktopBridge } from '../../shared/contract/desktop.ts';

/** Posts a port to the page as the preload does; jsdom makes no such event by itself. */
function post(request: number, port: object, source: unknown = window): void {
  window.dispatchEvent(Object.assign(new Event('message'), { data: { holdfastPort: request }, source, ports: [port] }));
}

test('takes the port of its own request, from its own window', async () => {
  const connect = vi.fn<DesktopBridge['connect']>(async (request) => {
    post(request + 1, { name: 'of another request' });
    post(request, { name: 'of another window' }, {});
    post(request, { name: 'mine' });
    return { firstToken: 'token' };
  });
  expect(await openDesktopPort({ connect })).toEqual({ name: 'mine' });
  expect(firstToken()).toBe('token');
  expect(await openDesktopPort({ connect })).toEqual({ name: 'mine' });
  expect(new Set(connect.mock.calls.map(([request]) => request)).size).toBe(2);
});

test('waits for a port that comes after the answer', async () => {
  let asked = 0;
  const opening = openDesktopPort({
    async connect(request) {
      asked = request;
      return {};
    },
  });
  await Promise.resolve();
  setTimeout(() => post(asked, { name: 'late' }));
  expect(await opening).toEqual({ name: 'late' });
});

test("rejects with the shell's reason, and listens no longer", async () => {
  const remove = vi.spyOn(AbortController.prototype, 'abort');
  await expect(openDesktopPort({ connect: () => Promise.reject(new Error('it does not run')) })).rejects.toThrow(
    'it does not run',
  );
  expect(remove).toHaveBeenCalledTimes(1);
  remove.mockRestore();
});
