import { beforeEach, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { type CallControl, command, query } from '../../../shared/contract/method.ts';
import { AppError } from '../../../shared/errors.ts';
import { createDispatcher } from '../../../shared/rpc/dispatch.ts';
import { Secret, secret } from '../../../shared/schema.ts';

const contract = {
  'a.read': query({
    right: 'view',
    params: z.object({ n: z.number().default(7) }),
    result: z.object({ n: z.number() }),
  }),
  'a.keep': command({ right: 'own', params: z.object({ password: secret() }), result: z.object({}) }),
};
const control: CallControl = { signal: new AbortController().signal, progress: () => undefined };
const read = vi.fn(async ({ n }: { n: number }) => ({ n }));
const keep = vi.fn(async (_params: { password: Secret }) => ({}));
const admit = vi.fn();
const dispatch = createDispatcher<typeof contract, string>(contract, { 'a.read': read, 'a.keep': keep }, admit);

beforeEach(() => {
  read.mockClear();
  keep.mockClear();
  admit.mockReset();
});

test('fills in defaults and drops what is not in the contract', async () => {
  expect(await dispatch('a.read', undefined, 'me', control)).toEqual({ n: 7 });
  await dispatch('a.read', { n: 3, extra: true }, 'me', control);
  expect(read).toHaveBeenLastCalledWith({ n: 3 }, 'me', control);
});

test.each(['a.write', 'toString', '__proto__', 'constructor', ''])('the method %j does not exist', async (name) => {
  await expect(dispatch(name, {}, 'me', control)).rejects.toMatchObject({ code: 'unknownMethod' });
  expect(admit).not.toHaveBeenCalled();
});

test('asks for the right before it looks at the parameters', async () => {
  admit.mockImplementation(() => {
    throw new AppError('noRight', 'not you');
  });
  await expect(dispatch('a.read', { n: 'wrong' }, 'me', control)).rejects.toMatchObject({ code: 'noRight' });
  expect(admit).toHaveBeenCalledWith('a.read', contract['a.read'], 'me');
  expect(read).not.toHaveBeenCalled();
});

test('names the field that is wrong', async () => {
  await expect(dispatch('a.read', { n: 'x' }, 'me', control)).rejects.toMatchObject({
    code: 'invalidValue',
    field: 'n',
  });
  for (const params of [5, 'text', [1]])
    await expect(dispatch('a.read', params, 'me', control)).rejects.toMatchObject({ code: 'invalidValue' });
});

test('secrets arrive wrapped, and a refusal does not repeat them', async () => {
  await dispatch('a.keep', { password: 'hunter2' }, 'me', control);
  const [given] = keep.mock.calls[0] ?? [];
  expect(given?.password).toBeInstanceOf(Secret);
  expect(given?.password.reveal()).toBe('hunter2');
  expect(`${JSON.stringify(given)} ${String(given?.password)}`).not.toContain('hunter2');
  const refused = await dispatch('a.keep', { password: ['hunter2'] }, 'me', control).catch((error: unknown) => error);
  expect(JSON.stringify(refused) + String(refused)).not.toContain('hunter2');
});
