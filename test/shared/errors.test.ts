import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import {
  AppError,
  errorClasses,
  type ErrorCode,
  exitCodeOf,
  fromWireError,
  hasCode,
  isErrorCode,
  toWireError,
  wireErrorSchema,
} from '../../shared/errors.ts';

const codes = Object.keys(errorClasses) as ErrorCode[];

test('an error keeps its fields on the way', () => {
  const error = new AppError('nameTaken', 'taken', { field: 'name', hint: 'another', cause: new Error('unique') });
  const wire = toWireError(error);
  expect(wire).toEqual({ code: 'nameTaken', message: 'taken', field: 'name', hint: 'another', cause: 'unique' });
  const back = fromWireError(wireErrorSchema.parse(JSON.parse(JSON.stringify(wire))));
  expect(back).toBeInstanceOf(AppError);
  expect(toWireError(back)).toEqual(wire);
});

test.each([new TypeError('x'), 'x', { toString: () => 'x' }])('what is none of ours becomes internal: %s', (thrown) => {
  expect(toWireError(thrown)).toEqual({ code: 'internal', message: 'x' });
});

test('an unknown code from outside becomes internal, names of Object too', () => {
  for (const code of ['fromTheFuture', 'toString', '__proto__']) {
    expect(isErrorCode(code)).toBe(false);
    expect(wireErrorSchema.parse({ code, message: 'm' }).code).toBe('internal');
  }
  expect(wireErrorSchema.safeParse({ code: 'internal' }).success).toBe(false);
});

test('hasCode tells codes and kinds apart', () => {
  expect(hasCode(new AppError('timeout', ''), 'timeout')).toBe(true);
  expect(hasCode(new AppError('timeout', ''), 'cancelled')).toBe(false);
  expect(hasCode({ code: 'timeout', message: '' }, 'timeout')).toBe(false);
});

test('the exit code follows the kind of error', () => {
  expect([exitCodeOf('invalidValue'), exitCodeOf('noRight'), exitCodeOf('storageFull')]).toEqual([2, 3, 1]);
});

test('every code is explained to operators, and nothing else is', async () => {
  const path = new URL('../../assets/locales/errors.en.json', import.meta.url);
  const texts = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
  expect(Object.keys(texts).sort()).toEqual([...codes].sort());
});
