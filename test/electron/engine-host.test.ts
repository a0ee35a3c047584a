import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { EngineHost } from '../../electron/engine-host.ts';
import * as electron from '../fakes/electron.ts';

vi.mock('electron', () => import('../fakes/electron.ts'));

const log = { info: vi.fn(), warn: vi.fn(), error: vi.fn() };
let host: EngineHost;

beforeEach(() => {
  vi.useFakeTimers();
  electron.resetElectron();
  host = new EngineHost({ script: '/app/engine.mjs', args: ['--data', '/d'], log });
});
afterEach(() => vi.useRealTimers());

function newest(): electron.FakeProcess {
  const made = electron.forked.at(-1);
  if (made === undefined) throw new Error('nothing was forked');
  return made;
}

test('hands one end of a new channel to the engine and the other to the caller', async () => {
  host.start();
  expect(newest()).toMatchObject({ script: '/app/engine.mjs', args: ['--data', '/d'] });
  const first = host.connect();
  newest().emit('message', { kind: 'ready', firstToken: 'token' });
  const one = await first;
  const two = await host.connect();
  expect(one.firstToken).toBe('token');
  expect(newest().sent.map(({ message }) => message)).toEqual([{ kind: 'console' }, { kind: 'console' }]);
  const given = newest().sent.map(({ ports }) => ports[0]);
  expect(new Set([...given, one.port, two.port]).size).toBe(4);
  const heard = new Promise((resolve) => one.port.on('message', ({ data }) => resolve(data)));
  one.port.start();
  given[0]?.postMessage({ hello: 1 });
  expect(await heard).toEqual({ hello: 1 });
  for (const port of [one.port, two.port]) port.close();
});

test('starts an ended engine again, after longer and longer pauses, at most 30 s', async () => {
  host.start();
  const pauses: number[] = [];
  for (let failure = 0; failure < 9; failure++) {
    const before = electron.forked.length;
    newest().emit('exit', 1);
    let waited = 0;
    while (electron.forked.length === before) {
      await vi.advanceTimersByTimeAsync(500);
      waited += 500;
    }
    pauses.push(waited);
  }
  expect(pauses).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
});

test('an engine that worked for a minute begins with the short pause again', async () => {
  host.start();
  newest().emit('exit', 1);
  await vi.advanceTimersByTimeAsync(500);
  newest().emit('exit', 1);
  await vi.advanceTimersByTimeAsync(1000);
  expect(electron.forked).toHaveLength(3);
  await vi.advanceTimersByTimeAsync(60_000);
  newest().emit('exit', 1);
  await vi.advanceTimersByTimeAsync(500);
  expect(electron.forked).toHaveLength(4);
});

test('says why the engine does not run, and ends the failed process', async () => {
  host.start();
  const waiting = host.connect();
  const child = newest();
  child.emit('message', { kind: 'failed', error: { code: 'alreadyRunning', message: 'an engine runs already' } });
  expect(child.killed).toBe(true);
  const refused = expect(waiting).rejects.toMatchObject({ code: 'alreadyRunning', message: 'an engine runs already' });
  child.emit('exit', 1);
  await refused;
  await expect(host.connect()).rejects.toMatchObject({ code: 'alreadyRunning' });
  await vi.advanceTimersByTimeAsync(500);
  const next = host.connect();
  newest().emit('message', { kind: 'ready' });
  expect((await next).firstToken).toBeUndefined();
});

test('a malformed message of the engine process changes nothing', async () => {
  host.start();
  newest().emit('message', { kind: 'ready', firstToken: 7 });
  newest().emit('message', 'ready');
  expect(log.error).toHaveBeenCalledTimes(2);
  let answered = false;
  void host.connect().then(() => (answered = true));
  await vi.advanceTimersByTimeAsync(0);
  expect(answered).toBe(false);
  newest().emit('message', { kind: 'ready' });
  await vi.advanceTimersByTimeAsync(0);
  expect(answered).toBe(true);
});

test('stops in order, and is not started again', async () => {
  host.start();
  const stopped = host.stop();
  expect(newest().sent).toMatchObject([{ message: { kind: 'stop' } }]);
  newest().emit('exit', 0);
  await stopped;
  await vi.advanceTimersByTimeAsync(120_000);
  expect(electron.forked).toHaveLength(1);
});

test('kills an engine that does not stop', async () => {
  host.start();
  const stopped = host.stop();
  await vi.advanceTimersByTimeAsync(8000);
  expect(newest().killed).toBe(true);
  newest().emit('exit', 1);
  await stopped;
});

test('stopping between two tries cancels the next one', async () => {
  host.start();
  newest().emit('exit', 1);
  await host.stop();
  await vi.advanceTimersByTimeAsync(120_000);
  expect(electron.forked).toHaveLength(1);
});
