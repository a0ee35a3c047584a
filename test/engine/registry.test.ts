import { describe, expect, test, vi } from 'vitest';
import { type AgentLink, AgentRegistry } from '../../engine/agents/registry.ts';

function linkOf(clientId: number, authorized = true) {
  const peer = { close: vi.fn() };
  return { link: { clientId, authorized, peer } as unknown as AgentLink, peer };
}

test('online means an authorized link', () => {
  const registry = new AgentRegistry();
  registry.add(linkOf(1).link);
  registry.add(linkOf(2, false).link);
  expect(registry.onlineIds()).toEqual([1]);
  expect([1, 2, 3].map((id) => registry.isOnline(id))).toEqual([true, false, false]);
  expect(registry.get(1, 'one')).toBeDefined();
  for (const id of [2, 3])
    expect(() => registry.get(id, 'other')).toThrow(expect.objectContaining({ code: 'clientOffline' }) as Error);
});

test('a link that was replaced does not take its successor along', () => {
  const registry = new AgentRegistry();
  const [old, fresh] = [linkOf(1).link, linkOf(1).link];
  registry.add(old);
  registry.add(fresh);
  expect(registry.remove(old)).toBe(false);
  expect(registry.isOnline(1)).toBe(true);
  expect(registry.remove(fresh)).toBe(true);
  expect(registry.isOnline(1)).toBe(false);
});

describe('waiting for a client', () => {
  test('ends when it comes, not when another one does', async () => {
    const registry = new AgentRegistry();
    const waiting = registry.waitOnline(1, 60_000);
    registry.add(linkOf(2).link);
    registry.add(linkOf(1, false).link);
    registry.add(linkOf(1).link);
    expect(await waiting).toBe(true);
  });

  test('gives up after the time', async () => {
    expect(await new AgentRegistry().waitOnline(1, 10)).toBe(false);
  });
});

test("the next link waits until the earlier one's end was noted", async () => {
  const registry = new AgentRegistry();
  const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  registry.leave(1, first.promise);
  registry.leave(1, second.promise);
  const left = vi.fn();
  const waiting = registry.hasLeft(1).then(left);
  await registry.hasLeft(2);
  second.resolve();
  await new Promise((resolve) => setImmediate(resolve));
  expect(left).not.toHaveBeenCalled();
  first.resolve();
  await waiting;
  expect(left).toHaveBeenCalled();
});

test('closing all says why', async () => {
  const registry = new AgentRegistry();
  const { link, peer } = linkOf(1);
  registry.add(link);
  await registry.closeAll('the engine stops');
  expect(peer.close).toHaveBeenCalledWith('the engine stops');
});
