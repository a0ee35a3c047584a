import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { errorDocs } from '../../build/write-error-docs.mjs';

test('docs/errors.md names every code (else: node build/write-error-docs.mjs)', async () => {
  const written = await readFile(new URL('../../docs/errors.md', import.meta.url), 'utf8');
  expect(written).toBe(await errorDocs());
});
